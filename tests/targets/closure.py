def make(left, right):
    edge = right - left

    class Box:
        def __init__(self, at):
            self.at = at
        def intersects(self, other):
            return self.at < other.at + edge and other.at < self.at + edge
    return Box


# About a millisecond of calls, and that is all of the program.
Box = make(0, 200)
one, other = Box(10), Box(20)
found = 0
for _ in range(5000):
    found += one.intersects(other)
