"""Modules whose bodies rest: under the frozen importlib, in a package, in a zip file, reloaded."""

import importlib
import os
import shutil
import sys
import tempfile
import zipfile

from truth import park, stage

sys.dont_write_bytecode = True
folder = tempfile.mkdtemp()
BODY = "from truth import park\n\nif True:\n    park()\n"


def put(path, text):
    path = os.path.join(folder, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


put("rests_in_file.py", BODY)
put("package/__init__.py", "from . import module\n")
put("package/module.py", BODY)
put("rests_when_reloaded.py", "import truth\ntruth.park('rests' in globals())\nrests = 1\n")
with zipfile.ZipFile(os.path.join(folder, "archive.zip"), "w") as archive:
    archive.writestr("rests_in_zip.py", BODY)
sys.path[:0] = [folder, os.path.join(folder, "archive.zip")]


def plain():
    import rests_in_file


def package():
    from package.module import nothing


def zipped():
    import rests_in_zip


def by_name():
    importlib.reload(importlib.import_module("rests_when_reloaded"))


for function in (plain, package, zipped, by_name):
    stage(function)
shutil.rmtree(folder)
park()
