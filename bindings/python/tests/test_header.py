"""include/eml.h and eml.abi say the same: every constant, struct, callback and function, in both directions."""
import ctypes
import re
import unittest
from ctypes import POINTER

from eml import abi
from support import REPOSITORY

HEADER = REPOSITORY / "include" / "eml.h"

SCALARS = {
    "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "uint32_t": ctypes.c_uint32, "uint64_t": ctypes.c_uint64, "uint8_t": ctypes.c_uint8,
    "double": ctypes.c_double, "float": ctypes.c_float, "char": ctypes.c_char, "eml_status": ctypes.c_int32,
}


def header_text():
    text = HEADER.read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)


def one_space(text):
    return " ".join(text.split())


class Header:
    """What the header declares, by name; types are C text such as `const double *`."""

    def __init__(self):
        text = header_text()
        self.constants = {name: self.value(value) for name, value in
                          re.findall(r"^#define (EML_[A-Z0-9_]+) +(\S.*?) *$", text, re.MULTILINE)
                          if name not in ("EML_API", "EML_MUST_CHECK")}
        text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
        self.handles = set(re.findall(r"typedef struct (\w+) \1;", text))
        self.structs = {name: self.fields(body) for name, body in
                        re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text, re.DOTALL)}
        self.callbacks = {name: (one_space(result), self.parameters(parameters)) for result, name, parameters in
                          re.findall(r"typedef (\w+) \(\*(\w+)\)\((.*?)\);", text, re.DOTALL)}
        self.functions = {}
        for declaration in re.findall(r"EML_API(.*?);", text, re.DOTALL):
            declaration = one_space(declaration.replace("EML_MUST_CHECK", ""))
            result, name, parameters = re.fullmatch(r"(.*?)(\w+)\((.*)\)", declaration).groups()
            self.functions[name] = (result.strip(), self.parameters(parameters))

    @staticmethod
    def value(text):
        if text.startswith('"'):
            return text.strip('"')
        if text == "UINT64_MAX":
            return 2**64 - 1
        return int(text.strip("()").rstrip("u"), 0)

    @staticmethod
    def parameter(text):
        """`const double *x` without the name; `double out[3]` is a pointer."""
        declarator = re.fullmatch(r"(.*?)(\w+)(\[\d*\])?", one_space(text))
        kind, _, extent = declarator.groups()
        return one_space(kind + (" *" if extent else "")).replace("* *", "**")

    def parameters(self, text):
        text = one_space(text)
        return [] if text in ("", "void") else [self.parameter(each) for each in text.split(",")]

    def fields(self, body):
        """(name, type) in order; one declaration may name several fields."""
        result = []
        for declaration in filter(None, map(str.strip, body.split(";"))):
            first, *others = one_space(declaration).split(",")
            kind = self.parameter(first)
            for each in [first, *others]:
                result.append((re.search(r"(\w+)$", each.strip()).group(1), kind))
        return result


def translate(kind, header, place):
    """The ctypes type for a C type. `place` is "result", "parameter" or "field"."""
    bare = kind.replace("const ", "")
    stars = bare.count("*")
    bare = bare.replace("*", "").strip()
    if bare == "void":
        result, stars = ctypes.c_void_p, stars - 1
    elif bare == "char" and kind.startswith("const") and place != "field":
        result, stars = ctypes.c_char_p, stars - 1
    elif bare in SCALARS:
        result = SCALARS[bare]
    elif bare in header.handles or bare in header.structs or bare in header.callbacks:
        result = getattr(abi, bare)
    else:
        raise AssertionError("the header uses a type that this test does not know: %s" % kind)
    for _ in range(stars):
        result = POINTER(result)
    return result


class TestHeader(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.header = Header()

    def test_the_header_was_understood(self):
        # Counted by other means than the parser's.
        text = header_text()
        self.assertEqual(len(self.header.functions), text.count("EML_API ") - text.count("#define EML_API "))
        self.assertEqual(len(self.header.structs), len(re.findall(r"^} eml_", text, re.MULTILINE)))
        self.assertEqual(self.header.constants["EML_E_INTERNAL"], -99)
        self.assertEqual(self.header.functions["eml_operator_softmax3"],
                         ("eml_status", ["double", "double", "double", "double *"]))
        self.assertEqual(self.header.structs["eml_event"][-5:],
                         [("value2", "double"), ("count0", "uint64_t"), ("count1", "uint64_t"), ("flag", "int32_t"),
                          ("reserved", "uint32_t")])

    def test_constants(self):
        mirrored = {name: value for name, value in vars(abi).items() if name.startswith("EML_")}
        self.assertEqual(mirrored, self.header.constants)

    def test_handles_and_structs(self):
        mirrored = {name: value for name, value in vars(abi).items()
                    if isinstance(value, type) and issubclass(value, ctypes.Structure) and name.startswith("eml_")}
        self.assertEqual(set(mirrored), self.header.handles | set(self.header.structs))
        for name in self.header.handles:
            self.assertFalse(hasattr(mirrored[name], "_fields_"), name)
        for name, fields in self.header.structs.items():
            expected = [(field, translate(kind, self.header, "field")) for field, kind in fields]
            self.assertEqual(mirrored[name]._fields_, expected, name)

    def test_callbacks(self):
        for name, (result, parameters) in self.header.callbacks.items():
            function = getattr(abi, name)
            self.assertEqual(function._restype_, translate(result, self.header, "result"), name)
            self.assertEqual(list(function._argtypes_),
                             [translate(each, self.header, "parameter") for each in parameters], name)

    def test_functions(self):
        self.assertEqual(list(abi.FUNCTIONS), list(self.header.functions))
        for name, (result, parameters) in self.header.functions.items():
            expected = [translate(result, self.header, "result")]
            expected += [translate(each, self.header, "parameter") for each in parameters]
            self.assertEqual(list(abi.FUNCTIONS[name]), expected, name)

    def test_the_types_are_set_in_the_library(self):
        from eml._native import lib

        for name, (restype, *argtypes) in abi.FUNCTIONS.items():
            self.assertEqual(getattr(lib, name).restype, restype, name)
            self.assertEqual(list(getattr(lib, name).argtypes), argtypes, name)


if __name__ == "__main__":
    unittest.main()
