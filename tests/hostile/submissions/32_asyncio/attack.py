# expect: denied
# output: the loop and its thread say 3
# control: it works there as well
import asyncio, socket

async def add():
    one, other = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=one)
    other.send(b"1")
    first = int(await reader.readexactly(1))
    second = await asyncio.to_thread(lambda: 2)
    writer.close()
    other.close()
    return first + second

print("the loop and its thread say", asyncio.run(add()))
