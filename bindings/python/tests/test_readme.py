"""The README's examples do what they say."""
import doctest
import unittest

from support import REPOSITORY


class TestReadme(unittest.TestCase):
    def test_examples(self):
        path = REPOSITORY / "bindings" / "python" / "README.md"
        # The closing fence of a code block must not count as expected output.
        text = "\n".join("" if line.startswith("```") else line for line in path.read_text("utf-8").splitlines())
        test = doctest.DocTestParser().get_doctest(text + "\n", {}, "README.md", str(path), 0)
        self.assertGreater(len(test.examples), 10)
        output = []
        results = doctest.DocTestRunner(verbose=False).run(test, out=output.append)
        self.assertEqual(results.failed, 0, "".join(output))


if __name__ == "__main__":
    unittest.main()
