"""Two asyncio tasks that take turns, a few microseconds of work each."""

import asyncio


def work_a(n):
    for _ in range(20):
        n = n * 3 + 1 & 0xff
    return n


def work_b(n):
    for _ in range(20):
        n = n * 3 + 1 & 0xff
    return n


async def step_a(n):
    n = work_a(n)  # calls work_a
    await asyncio.sleep(0)
    return n


async def step_b(n):
    n = work_b(n)  # calls work_b
    await asyncio.sleep(0)
    return n


async def task_a():
    n = 0
    while True:
        n = await step_a(n)  # calls step_a


async def task_b():
    announce(**TRUTH)  # now that the loop runs: its beginning has other stacks
    n = 0
    while True:
        n = await step_b(n)  # calls step_b


async def main():
    await asyncio.gather(task_a(), task_b())


# From the outside in: asyncio.run(), the loop, a turn of it, a handle, and then the task's coroutine,
# which the task of C resumes. The task has itself called again by the loop's call_soon().
LOOP = "base_events.py:"
CALLS = {
    "<module>": ["runners.py:run"],
    "runners.py:run": ["runners.py:run", LOOP + "run_until_complete"],
    LOOP + "run_until_complete": [LOOP + "run_forever"],
    LOOP + "run_forever": [LOOP + "_run_once"],
    LOOP + "_run_once": ["selectors.py:select", LOOP + "_process_events", LOOP + "time", "events.py:_run",
                         "selector_events.py:_process_events"],
    "selectors.py:select": [],
    "events.py:_run": ["task_a", "task_b", LOOP + "call_soon"],
    "task_a": ["step_a"],
    "task_b": ["announce", "step_b"],
    "step_a": ["work_a", "tasks.py:sleep"],
    "step_b": ["work_b", "tasks.py:sleep"],
    "tasks.py:sleep": ["tasks.py:__sleep0"],
    LOOP + "call_soon": [LOOP + "_check_closed", LOOP + "_call_soon"],
    LOOP + "_call_soon": ["events.py:__init__"],
    "events.py:__init__": [LOOP + "get_debug"],
}

TRUTH = {
    "outermost": ["<module>"],
    "calls": CALLS,
    "shares": [
        {"by": "within", "parts": {"task_a": 1, "task_b": 1}},
        {"by": "self", "parts": {"work_a": 1, "work_b": 1}},
    ],
}
asyncio.run(main())
