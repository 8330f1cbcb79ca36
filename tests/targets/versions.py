# Says where a function's code object is; then does what each line of its input says, and says so:
# "make" makes ten code objects, "run" makes functions, classes' instances and generators, but none.
import sys


def function(n):
    return lambda: n


class Kind:
    def method(self):
        yield self


def run():
    for i in range(1000):
        function(i)()
        list(Kind().method())


run()
print(id(function.__code__), flush=True)
for line in sys.stdin:
    if line.strip() == "make":
        for i in range(10):
            eval("%d + x" % i, {"x": i})
    else:
        run()
    print("done", flush=True)
