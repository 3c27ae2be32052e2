# expect: fails
# control: in no process does a printed score count
# once: the judge counts what it compared itself
import json
print(json.dumps({"score": 100, "tests": [{"name": "q1", "score": 100, "status": "passed"}]}))
for name in ("results.json", "results.pkl", "grades.csv"):
    open(name, "w").write("student,score\nme,100\n")

def answer(x):
    return x * 0
