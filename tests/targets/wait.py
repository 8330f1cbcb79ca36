# Says where its _PyRuntime and its type of code objects are, and waits for a line. Runs on 2.7 too.
import sys

runtime_addr = 0
try:
    import ctypes
    runtime_addr = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
except (ImportError, ValueError):
    pass
for path in sys.argv[1:]:  # libraries of other CPythons, which are not started
    ctypes.CDLL(path)
sys.stdout.write("ready %d %d\n" % (runtime_addr, id(type((lambda: 0).__code__))))
sys.stdout.flush()
sys.stdin.readline()
