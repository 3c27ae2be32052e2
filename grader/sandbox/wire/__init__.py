"""What both sides of the wall run: everything that crosses it, and how values travel.

A judge starts a worker, and the worker forks one child for each submission. They talk over two
sockets, and nobody says anything else on either.

Start. The worker reads its standard input to the end: a line with a length, so many bytes that
`marshal` reads as the folders to import from and the compiled code of `inside/` and `wire/`, then
one `orders.Start`. That is the judge's to say; nothing is ever read so of what a child or a worker
sends. A worker whose file system is built by `inside/mounts.py` is preceded by a
`mount_plan.MountPlan`, an argument of JSON.

The control socket (SOCK_SEQPACKET, one message a packet, see `orders`) joins judge and worker.

    judge                worker
                         Ready        its imports are made
    Spawn + descriptor                the descriptor is the child's end of a connection
                         Spawned      the child was forked
    Expect                            between two children; cells to compile before the next
    Kill                              at any time; the judge is done with the child
                         Ended        the child and all that it started are gone

A `Kill` that crosses the child's own end finds no child, and is ignored. Where the judge closes
the socket, the worker ends its child and itself. What a worker sends that is none of these, or out
of turn, is a WorkerError for the judge: the fault is ours, and nobody loses points by it.

The connection (SOCK_STREAM, see `protocol` for the frames, `nodes` for values in them) joins judge
and child.

    judge                child
                         Locked       or NotLocked and the end; both before any student code runs
    RunCell              CellDone, Raised              several are sent together
    Get                  Answer, Missing, Unchanged, Raised, Fault
    Bound, Seed          Answer, Raised, Fault         names; states of random numbers
    ListFiles, ReadFile  Answer, Raised, Fault         what the notebook's code has written
    WriteFile            Answer, Raised, Fault         what a test has written for it to read
    Replace, Import      Answer, Raised, Fault         what a test puts in place, and imports
    Call, Next           Answer, Raised, Fault, Asked
    Update               Answer, Raised, Fault         what a test has changed of what both have
    Backward             Answer, Raised, Fault         gradients of what calls gave
    Returned, Threw      what was asked for goes on, to the same replies
    Case                 no reply                       a case begins, of an otter assignment
    Record               Recorded, Raised, Fault       what a call does, as a tape

and, of a child that has run no cell of a student's, what becomes of a tape:

    Prepare              Prepared, Fault
    Compile              Compiled, Fault
    Replay, Chain        Answer, Raised, Fault

From `Locked` on, student code shares the child's process: it may send anything. The child speaks
only when asked, one reply a request, in their order and with the request's number. `Asked` is none
yet: a student's function has called one of the judge's that it was given. The judge may then ask
for more, and says what came of it. Anything else ends the child: the call is `killed`, by a broken
protocol.

Values. A number, a text or an array is a node of its own; a container is its form and items; any
other value is its kind and parts, which are values again. `containers.FORMS` and `kinds.TABLE` are
what both sides know: how a value of each is read, at its base class's storage, and how one is built
from parts whose types are checked. Nothing is called or imported by a name that came, but what
these tables name. Many items of one kind travel packed. What has no kind stays where it is.

Both sides run these same files; beside student code they come without a path, so they may use
only the standard library, msgspec, and numpy, torch and other libraries where a value needs them: a
library is looked for among those that are loaded, and imported where a value of it has come.
"""
