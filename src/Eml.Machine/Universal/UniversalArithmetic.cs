using Eml.Machine.Graph;

namespace Eml.Machine.Universal;

/// <summary>Moves, sums, comparisons, products, bits.</summary>
internal sealed partial class UniversalMachine
{
    private Wide Moves(Instruction instruction, Wide y, Wide x, Wide z, Linear written)
    {
        // A local of its own that was written before the function was entered is still 0.
        Linear stale = Step("local is untouched", Of(Field.Entered) - written, 1.0, Is(Signal.OwnLocal));
        Linear alive = Is(Signal.OwnLocal) - stale;
        Linear first = Step("select: first", y.Low, 1.0, Is(Signal.Select));
        Linear other = Is(Signal.Select) - first;
        Linear taken = Step("br_if: taken", y.Low, 1.0, Is(Signal.BrIf));
        return new Wide(
            _g.Unit("constant", Is(Signal.Constant), instruction.Low) + _g.Unit("copy", Is(Signal.CopyLow), y.Low)
                + _g.Unit("local", alive, y.Low) + _g.Unit("select", first, x.Low) + _g.Unit("select", other, z.Low) + _g.Unit("br_if: value", taken, x.Low),
            _g.Unit("constant", Is(Signal.Constant), instruction.High) + _g.Unit("copy", Is(Signal.CopyHigh), y.High)
                + _g.Unit("local", alive, y.High) + _g.Unit("select", first, x.High) + _g.Unit("select", other, z.High) + _g.Unit("br_if: value", taken, x.High));
    }

    private Wide AddSubtract(Wide x, Wide y)
    {
        Linear carry = Step("add: carry", x.Low + y.Low, Word, Is(Signal.Add));
        Linear borrow = Step("sub: borrow", y.Low - x.Low, 1.0, Is(Signal.Sub));
        Linear carry64 = _g.Keep("add: carry 64", _g.Unit("add: carry 64", Is(Signal.Add64), carry));
        Linear borrow64 = _g.Keep("sub: borrow 64", _g.Unit("sub: borrow 64", Is(Signal.Sub64), borrow));
        return new Wide(
            _g.Unit("add", Is(Signal.Add), x.Low + y.Low) - (Word * carry) + _g.Unit("sub", Is(Signal.Sub), x.Low - y.Low) + (Word * borrow),
            _g.Unit("add", Is(Signal.Add64), x.High + y.High) + carry64 - (Word * Step("add: carry out", x.High + y.High + carry64, Word, Is(Signal.Add64)))
                + _g.Unit("sub", Is(Signal.Sub64), x.High - y.High) - borrow64
                + (Word * Step("sub: borrow out", y.High - x.High + borrow64, 1.0, Is(Signal.Sub64))));
    }

    private Wide Compare(Wide x, Wide y)
    {
        // Signed numbers are compared as what they mean: those with the upper bit are 2^32 less.
        Linear Signed(string name, Linear word, Signal signal) => word - (Word * Step($"{name} is negative", word, Word / 2, Is(signal)));
        Linear low = _g.Keep("compare: low", Signed("second", x.Low, Signal.CompareSigned32) - Signed("top", y.Low, Signal.CompareSigned32));
        Linear high = _g.Keep("compare: high", Signed("second", x.High, Signal.CompareSigned64) - Signed("top", y.High, Signal.CompareSigned64));
        Linear order = _g.Keep("compare: order", Reached("low: greater", low, 1.0) - Reached("low: less", -low, 1.0)
            + (2.0 * Reached("high: greater", high, 1.0)) - (2.0 * Reached("high: less", -high, 1.0)));
        Linear greater = Reached("greater", order, 1.0);
        Linear less = Reached("less", -order, 1.0);
        return new Wide(Is(Signal.CompareOffset) + _g.Unit("less", Is(Signal.AddLess), less) - _g.Unit("not less", Is(Signal.SubLess), less)
            + _g.Unit("greater", Is(Signal.AddGreater), greater) - _g.Unit("not greater", Is(Signal.SubGreater), greater)
            + Step("eqz", -y.Low - y.High, 0.0, Is(Signal.Eqz)), 0.0);
    }

    private Wide Bitwise(Wide x, Wide y, Linear[] xBytes, Linear[] yBytes)
    {
        Linear[] and = [.. Enumerable.Range(0, 8).Select(i => _g.Row($"and: byte {i}", _tables.Grid, xBytes[i] + (256.0 * yBytes[i]), 1.0, Tables.And)[0])];
        Linear Half(Linear a, Linear b, Linear both) => _g.Unit("and", Is(Signal.And), both) + _g.Unit("or", Is(Signal.Or), a + b - both)
            + _g.Unit("xor", Is(Signal.Xor), a + b - (2.0 * both));
        return new Wide(Half(x.Low, y.Low, FromBytes(and[..4])), Half(x.High, y.High, FromBytes(and[4..])));
    }

    private Wide Count(Linear[] bytes)
    {
        Linear[][] rows = [.. bytes.Select((value, i) => _g.Row($"count: byte {i}", _tables.Bytes, value, 1.0, Tables.Ones, Tables.Leading, Tables.Trailing))];
        Linear[] filled = [.. bytes.Select((value, i) => Reached($"count: byte {i} is not 0", value, 1.0))];
        Linear leading = Leading("clz", rows, filled);
        Linear trailing32 = 0.0;
        Linear trailing64 = 0.0;
        for (int i = 0; i < 8; i++)
        {
            Linear zeros = _g.Unit($"ctz: byte {i}", rows[i][2] - (16.0 * Sum(filled[..i])), 1.0);
            (trailing32, trailing64) = i < 4 ? (trailing32 + zeros, trailing64) : (trailing32, trailing64 + zeros);
        }
        return new Wide(_g.Unit("popcnt", Is(Signal.Popcnt), Sum(rows.Select(row => row[0])))
            + _g.Unit("clz", Is(Signal.Clz), _g.Keep("leading zeros", leading)) - (32.0 * Is(Signal.Clz32))
            + _g.Unit("ctz", Is(Signal.Ctz), _g.Keep("trailing zeros", trailing32))
            + _g.Unit("ctz", Is(Signal.Ctz64), _g.Keep("trailing zeros 32-63", trailing64)), 0.0);
    }

    /// <summary>Leading zeros: those of a byte count as long as no higher one is filled.</summary>
    private Linear Leading(string name, Linear[][] rows, Linear[] filled) =>
        Sum(rows.Select((row, i) => _g.Unit($"{name}: byte {i}", row[1] - (16.0 * Sum(filled[(i + 1)..])), 1.0)));

    private Wide Multiply(Linear[] a, Linear[] b)
    {
        Linear[] b64 = [.. b.Select((limb, i) => _g.Keep($"mul: limb {i}", _g.Unit($"mul: limb {i}", Is(Signal.Mul64), limb)))];
        Linear Product(int i, int j, bool is64) => _g.Keep($"mul: {i} {j}", _g.Unit($"mul: {i} {j}", a[i], is64 ? b64[j] : b[j]));
        Linear p00 = Product(0, 0, false);
        Linear p01 = Product(0, 1, false);
        Linear p10 = Product(1, 0, false);
        Linear h01 = Floor("mul: 0 1 upper", p01, 16);
        Linear h10 = Floor("mul: 1 0 upper", p10, 16);
        Linear low = _g.Keep("mul: low", p00 + (65536.0 * (p01 + p10 - (65536.0 * h01) - (65536.0 * h10))));
        Linear carry = Reached("mul: carry", low, Word, 2 * Word);
        Linear carry64 = _g.Unit("mul: carry 64", Is(Signal.Mul64), h01 + h10 + carry);
        Linear high = Product(1, 1, true) + Product(0, 2, true) + Product(2, 0, true);
        foreach ((int i, int j) in new[] { (0, 3), (1, 2), (2, 1), (3, 0) })
        {
            Linear product = Product(i, j, true);
            high += 65536.0 * (product - (65536.0 * Floor($"mul: {i} {j} upper", product, 16)));
        }
        high = _g.Keep("mul: high", high + carry64);
        Linear over = Reached("mul: high carry", high, [.. Enumerable.Range(1, 8).Select(i => i * Word)]);
        return new Wide(_g.Unit("mul", Is(Signal.Mul), low - (Word * carry)), _g.Unit("mul", Is(Signal.Mul64), high - (Word * over)));
    }

    private Wide Shift(Wide x, Linear[] limbs, Linear count)
    {
        Linear[] row = _g.Row("shift", _tables.Shifts, count + Is(Signal.ShiftTable), 1.0, [.. Enumerable.Range(Tables.Power, 8)]);
        Linear power = row[0];
        Linear[] isLimb = row[1..6];
        // Every limb times 2^(s mod 16): its upper half joins the next limb's lower.
        Linear[] product = [.. limbs.Select((limb, i) => _g.Keep($"shift: limb {i}", _g.Unit($"shift: limb {i}", limb, power)))];
        Linear[] upper = [.. product.Select((value, i) => Floor($"shift: limb {i} upper", value, 16))];
        Linear Shifted(int i) => i is < 0 or > 4 ? 0.0 : (i < 4 ? product[i] - (65536.0 * upper[i]) : 0.0) + (i > 0 ? upper[i - 1] : 0.0);
        Linear Part(int first) => Shifted(first) + (65536.0 * Shifted(first + 1));
        Linear low = 0.0;
        Linear high = 0.0;
        for (int k = 0; k <= 4; k++)
        {
            Linear On(Signal signal, Linear value) => value.IsZero ? 0.0 : _g.Unit($"shift by {k} limbs", isLimb[k] + Is(signal) - 1.0, value);
            low += On(Signal.ShiftLow64, Part(-k)) + On(Signal.ShiftHigh64, Part(4 - k));
            high += On(Signal.ShiftLow64, Part(2 - k)) + On(Signal.ShiftHigh64, Part(6 - k));
            if (k <= 2)
            {
                low += On(Signal.ShiftLow32, Part(-k)) + On(Signal.ShiftHigh32, Part(2 - k));
            }
        }
        Linear negative = _g.Keep("shr_s: negative", Step("shr_s: negative", x.Low, Word / 2, Is(Signal.ShrS32))
            + Step("shr_s: negative", x.High, Word / 2, Is(Signal.ShrS64)));
        low += _g.Unit("shr_s", negative, row[6]);
        high += _g.Unit("shr_s", negative, row[7]);
        return new Wide(low, high);
    }

    private static Linear FromBytes(Linear[] bytes) => bytes.Length == 0 ? 0.0 : bytes[0] + (256.0 * FromBytes(bytes[1..]));
}
