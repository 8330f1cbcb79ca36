"""Spins in a function with hundreds of constants; says "ready"."""

LINE = "        n = n + 1 if n >= 0 else n * %d + %d.25\n"
exec(compile("def many(n):\n    while True:\n" + "".join(LINE % (i, i) for i in range(1000, 1200)),
             "many.py", "exec"))
print("ready", flush=True)
many(0)  # noqa: F821
