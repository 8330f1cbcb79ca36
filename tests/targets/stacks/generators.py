"""Generators in every state in which they can be met on a stack."""

from truth import park, play


def numbers(armed):
    yield 1
    park(armed)
    yield 2


def loop(armed):
    for number in numbers(armed):
        pass
    return number


def delegated(armed):
    def middle():
        return (yield from numbers(armed))

    def outer():
        yield from middle()
        yield from ()
    return [x for x in outer()]


def summed(armed):
    return sum(x for x in numbers(armed))


def of_a_generator(armed):
    first = (x + 1 for x in numbers(armed))
    second = (x + 1 for x in first)
    return max(x + 1 for x in second)


def sent(armed):
    def echo():
        while True:
            got = yield
            park(got)
    generator = echo()
    next(generator)
    generator.send(False)
    generator.send(armed)


def thrown(armed):
    def catching():
        try:
            yield 1
        except ValueError:
            park(armed)
            yield 2
    generator = catching()
    next(generator)
    generator.throw(ValueError())


def closed(armed):
    def finishing():
        try:
            yield 1
        finally:
            park(armed)
    generator = finishing()
    next(generator)
    generator.close()


def dropped(armed):
    def finishing():
        try:
            yield 1
        finally:
            park(armed)
    for _ in finishing():
        break


def deep(armed):
    def down(n):
        if n:
            yield from down(n - 1)
        else:
            park(armed)
            yield 1
    return list(down(100))


def unpacked(armed):
    first, second = numbers(armed)
    return [*numbers(False), first, second]


play(loop, delegated, summed, of_a_generator, sent, thrown, closed, dropped, unpacked)
play(deep, times=20)
park()
