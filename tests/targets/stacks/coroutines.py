"""Coroutines: driven by hand and by asyncio, in tasks, asynchronous generators and contexts."""

import asyncio

from truth import park, play


async def leaf(armed):
    park(armed)
    return 1


async def chain(armed, depth=5):
    if depth:
        return await chain(armed, depth - 1)
    return await leaf(armed)


def by_hand(armed):
    try:
        chain(armed).send(None)
    except StopIteration as end:
        return end.value


class Awaitable:
    def __init__(self, armed):
        self.armed = armed

    def __await__(self):
        park(self.armed)
        yield


def own_awaitable(armed):
    async def waits():
        await Awaitable(armed)
    waits().send(None)


class Context:
    def __init__(self, armed):
        self.armed = armed

    async def __aenter__(self):
        return self

    async def __aexit__(self, *what):
        park(self.armed)


async def numbers(armed):
    for i in range(3):
        yield i
    park(armed)


async def loops(armed):
    async with Context(False) as context:
        async for i in numbers(armed):
            context.last = i
        return [i async for i in numbers(False)]


async def leaves(armed):
    async with Context(armed):
        return 1


def by_hand_loops(armed):
    try:
        loops(armed).send(None)
    except StopIteration:
        pass


def by_hand_leaves(armed):
    try:
        leaves(armed).send(None)
    except StopIteration:
        pass


def in_asyncio(armed):
    async def main():
        tasks = [asyncio.ensure_future(loops(armed and i == 2)) for i in range(3)]
        await asyncio.sleep(0)
        return await asyncio.gather(*tasks)
    asyncio.run(main())


def in_callback(armed):
    loop = asyncio.new_event_loop()
    loop.call_soon(park, armed)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()


play(by_hand, own_awaitable, by_hand_loops, by_hand_leaves)
play(in_asyncio, in_callback, times=10)
asyncio.run(chain(True))
