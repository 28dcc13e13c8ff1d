"""Functions written out, and snapping: the same bits from the printed source, exact constants from a linear truth."""
import random
import unittest

import eml


def compiled(source):
    scope = {}
    exec(compile(source, "<expression>", "exec"), scope)
    return scope["forward"]


class Expression(unittest.TestCase):
    def check_bits(self, source, answer, inputs, seed):
        forward, numbers = compiled(source), random.Random(seed)
        for _ in range(50):
            row = [numbers.uniform(-3, 3) for _ in range(inputs)]
            self.assertEqual([y.hex() for y in forward(row)], [y.hex() for y in answer(row)])

    def test_models_of_both_profiles(self):
        for profile in ("eml-core-0.1", "default"):
            for depth in (2, 3, 4, 5):
                with eml.EmlModel(depth, 3, 2, profile) as model:
                    numbers = random.Random(depth)
                    model.params = [numbers.uniform(-1, 1) for _ in range(model.param_count)]
                    model.scaling = [(1, 0.5), (0, 2), (-3, 0.1)], [(5, 0.25), (0, 1)]
                    self.check_bits(model.expression("python"), model.predict, 3, depth)

    def test_trees(self):
        numbers = random.Random(1)
        tree = eml.EmlTree(3, 2)
        params = [numbers.uniform(-1, 1) for _ in range(tree.param_count)]
        self.check_bits(tree.expression(params, "python"), lambda row: [tree.evaluate(params, row)], 2, 7)
        with eml.SafeTree(3, 2, 9) as safe:
            safe.params = [numbers.uniform(-1, 1) for _ in range(safe.param_count)]
            self.check_bits(safe.expression("python"), safe.predict, 2, 8)
            self.assertIn("pub fn forward(x: &[f64; 2]) -> [f64; 9]", safe.expression("rust"))

    def test_attention_blocks(self):
        for block in (eml.ToyEmlAttention("toy", 3, 2, 2, 3), eml.BaselineAttention("baseline", 3, 1, 2),
                      eml.EmlAttention(3, 2, d_k=2, heads=2, nodes=3, positional=True)):
            numbers = random.Random(3)
            block.params = [numbers.uniform(-1, 1) for _ in range(block.param_count)]
            self.check_bits(block.expression("python"), block.forward, 6, 4)
            if isinstance(block, eml.ToyEmlAttention):
                block.mark_trained()  # by the tree that was learned for the softmax
                self.check_bits(block.expression("python"), block.forward, 6, 5)
            self.assertIn("pub fn forward(x: &[f64; 6]) -> [f64; 6]", block.expression("rust"))
            self.assertIn("\\begin{aligned}", block.expression("latex"))
            with self.assertRaises(eml.EmlStateError):
                block.expression(within_samples=True)
            block.record([0.5] * 6, [0.5] * 6)
            self.assertLessEqual(block.expression(within_samples=True).count("clamp("), block.expression().count("clamp("))
            with self.assertRaises(eml.EmlArgumentError):
                block.expression("basic")

    def test_an_attention_block_is_read_off(self):
        numbers = random.Random(6)
        rows = [[numbers.uniform(-1, 1) for _ in range(2)] for _ in range(40)]
        with eml.BaselineAttention("copy", 1, 1, 2) as block:
            # One number a token: q, k, v and out are affine maps of both.
            simple = [1, 0.5, 0, 0.5, 1, 0] * (block.param_count // 6)
            block.params = simple
            block.record(rows, block.forward(rows))
            block.params = [p + numbers.uniform(-1e-9, 1e-9) for p in simple]
            phases = set()
            done = block.snap(tolerance=1e-6, max_loss_increase=0.1, progress=lambda p: phases.add(p.phase))
            self.assertEqual(block.params, simple)
            self.assertFalse(done.unscaled or done.cancelled)
            self.assertEqual(sorted(done.snapped), list(range(block.param_count)))
            self.assertLessEqual(done.loss_after, done.loss_allowed)
            self.assertLessEqual(phases, {"snap"})
            self.assertIn("0.5", block.expression())
            with eml.Cancel() as cancel:
                cancel.set()
                self.assertTrue(block.snap(cancel=cancel).cancelled)
            block.clear_samples()
            with self.assertRaises(eml.EmlStateError):
                block.snap()

    def test_a_linear_truth_is_read_off(self):
        with eml.EmlModel(4, 2, 1, "default") as model:
            rows = [[i % 7, i % 11 / 4] for i in range(60)]
            model.record(rows, [a + 0.5 * b for a, b in rows])
            model.fit_scaling()
            model.train()
            phases = set()
            done = model.snap(tolerance=0.05, max_loss_increase=0.1, progress=lambda p: phases.add(p.phase))
            self.assertEqual(model.expression(), "y = x0 + 0.5*x1\n")
            self.assertEqual(model.expression("latex"), "\\begin{aligned}\ny &= x_{0} + 0.5\\,x_{1}\n\\end{aligned}\n")
            self.assertTrue(done.unscaled and not done.cancelled and done.snapped)
            self.assertLessEqual(done.loss_after, done.loss_allowed)
            self.assertLessEqual(phases, {"snap"})
            self.assertEqual(len(set(done.snapped)), len(done.snapped))

    def test_limits_go_within_the_samples(self):
        with eml.EmlModel(2, 1, 1, "default") as model:
            model.params = [0, 1, 0, 1, 0, 0, 1]
            self.assertIn("clamp(x0, -20, 10)", model.expression())
            with self.assertRaises(eml.EmlStateError):
                model.expression("text", within_samples=True)
            model.record([[0], [2]], [0, 1])
            self.assertTrue(model.expression(within_samples=True).startswith("y = exp(x0) - ln(1 + x0^2)\n# "))

    def test_stopping_and_refusals(self):
        with eml.EmlModel(2, 1, 1, "default") as model:
            with self.assertRaises(eml.EmlStateError):
                model.snap()
            with self.assertRaises(eml.EmlArgumentError):
                model.expression("basic")
            model.record([[0], [1], [2]], [0, 1, 4])
            with self.assertRaises(eml.EmlArgumentError):
                model.snap(tolerance=-1)
            with self.assertRaises(eml.EmlArgumentError):
                model.snap(max_loss_increase=float("nan"))

            def stop(progress):
                raise KeyError("stop")

            with self.assertRaises(KeyError):
                model.snap(progress=stop)
            with eml.Cancel() as cancel:
                cancel.set()
                self.assertTrue(model.snap(cancel=cancel).cancelled)


if __name__ == "__main__":
    unittest.main()
