using Eml.Machine.Graph;

namespace Eml.Machine.Universal;

/// <summary>Division: long division by a divisor of one word, eight digits of a byte; a longer divisor is first reduced to one word.</summary>
internal sealed partial class UniversalMachine
{
    private (Wide Result, Linear DivideByZero, Linear Overflow) Divide(Wide x, Wide y)
    {
        Linear Negative(string name, Wide value, Signal low, Signal high) => _g.Keep($"{name} is negative",
            Step($"{name}: sign", value.Low, Word / 2, Is(low)) + Step($"{name}: sign", value.High, Word / 2, Is(high)));
        Linear xNegative = Negative("dividend", x, Signal.DivSigned32, Signal.DivSigned64);
        Linear yNegative = Negative("divisor", y, Signal.DivSigned32, Signal.DivSigned64);
        Wide n = Negate("dividend", x, xNegative);
        // 0 is divided by as if it were 1, so that the numbers stay small until the trap is told.
        Linear byZero = Step("divide by zero", -y.Low - y.High, 0.0, Is(Signal.Divides));
        Wide size = Negate("divisor", y, yNegative);
        Wide d = new(size.Low + byZero, size.High);

        // A divisor of two words: scaled up until its upper bit is set, its upper word divides the scaled dividend's upper two; the
        // quotient is at most 2 too large (Knuth, The Art of Computer Programming 2, section 4.3.1, theorem B).
        Linear isLong = Reached("divisor is long", d.High, 1.0);
        Linear[] dLimbs = Limbs("divisor", d);
        Linear[] nLimbs = Limbs("dividend", n);
        Linear[] upperBytes = Bytes("divisor's upper word", dLimbs[2..]);
        Linear[][] rows = [.. upperBytes.Select(value => _g.Row("divisor: leading zeros", _tables.Bytes, value, 1.0, Tables.Ones, Tables.Leading))];
        Linear[] filled = [.. upperBytes.Select(value => Reached("divisor: byte is not 0", value, 1.0))];
        Linear zeros = _g.Keep("divisor: leading zeros", Leading("divisor: leading zeros", rows, filled));
        Linear[] scale = _g.Row("scale", _tables.Scales, zeros, 1.0, Tables.Scale, Tables.Unscale, Tables.Divisor, Tables.UpperFactor, Tables.IsUpper);
        Linear Overhang(string name, Linear low, Linear high)
        {
            Linear part = _g.Keep($"{name}: part", _g.Unit(name, scale[4], high) + _g.Unit(name, 1.0 - scale[4], low));
            Linear quotient = _g.Row($"{name}: overhang", _tables.Grid, (2.0 * part) - scale[2] + 1.0, 2.0 * scale[2], Tables.Index)[0];
            return _g.Keep($"{name}: overhang", quotient + _g.Unit(name, scale[3], high));
        }
        Linear scaledDivisor = _g.Unit("scaled divisor", scale[0], d.High) + Overhang("divisor, low", dLimbs[0], dLimbs[1]);
        Linear top = Overhang("dividend, high", nLimbs[2], nLimbs[3]);
        Linear rest = _g.Keep("dividend: rest", n.High - _g.Unit("dividend: rest", top, scale[1]));
        Linear middle = _g.Unit("scaled dividend", scale[0], rest) + Overhang("dividend, low", nLimbs[0], nLimbs[1]);
        Linear Choose(string name, Linear small, Linear large) => _g.Keep(name, small + _g.Unit(name, isLong, large - small));
        Wide dividend = new(Choose("dividend: lower word", n.Low, _g.Keep("middle", middle)), Choose("dividend: upper word", n.High, top));
        Linear divisor = Choose("divisor of one word", d.Low, _g.Keep("scaled divisor", scaledDivisor));

        Linear[] bytes = Bytes("dividend", Limbs("dividend", dividend));
        var digit = new Linear[8];
        Linear remainder = 0.0;
        for (int i = 7; i >= 0; i--)
        {
            Linear with = (256.0 * remainder) + bytes[i];
            digit[i] = _g.Row($"quotient: byte {i}", _tables.Grid, (2.0 * with) - divisor + 1.0, 2.0 * divisor, Tables.Index)[0];
            remainder = _g.Keep($"remainder {i}", with - _g.Unit($"remainder {i}", digit[i], divisor));
        }

        (Linear tooLarge, Wide longRemainder) = Correct(n, d, dLimbs, digit[0] + (256.0 * digit[1]), digit[2] + (256.0 * digit[3]));
        Wide quotient = new(_g.Keep("quotient", FromBytes(digit[..4]) - _g.Unit("quotient: too large", isLong, tooLarge)),
            _g.Keep("quotient, high", FromBytes(digit[4..])));
        Wide left = new(_g.Keep("remainder", remainder + _g.Unit("long remainder", isLong, longRemainder.Low - remainder)),
            _g.Keep("remainder, high", _g.Unit("long remainder", isLong, longRemainder.High)));

        // The quotient's sign is that of the operands' product, the remainder's that of the dividend.
        Linear different = _g.Keep("signs differ", _g.Unit("signs", xNegative, 1.0 - yNegative) + _g.Unit("signs", yNegative, 1.0 - xNegative));
        Wide chosen = new(_g.Keep("divided", _g.Unit("div", Is(Signal.Div), quotient.Low) + _g.Unit("rem", Is(Signal.Rem), left.Low)),
            _g.Keep("divided, high", _g.Unit("div", Is(Signal.Div), quotient.High) + _g.Unit("rem", Is(Signal.Rem), left.High)));
        Linear negate = _g.Keep("result is negative", _g.Unit("div", Is(Signal.Div), different) + _g.Unit("rem", Is(Signal.Rem), xNegative));
        Wide result = Negate("result", chosen, negate);
        Linear extremes = Step("overflow: -1", y.Low, Word - 1.0, Is(Signal.DivOverflow)) + Step("overflow: -1, high", y.High, Word - 1.0, Is(Signal.DivSigned64))
            + WhereEqual("overflow: smallest", x.Low, Word / 2, Is(Signal.DivSigned32), 1.0)
            + WhereEqual("overflow: smallest, high", x.High, Word / 2, Is(Signal.DivSigned64), 1.0)
            + Step("overflow: smallest, low", -x.Low, 0.0, Is(Signal.DivSigned64));
        Linear overflow = Reached("overflow", _g.Keep("extremes", extremes) - (2.0 * Is(Signal.DivSigned64)) + Is(Signal.DivOverflow), 3.0);
        return (result, byZero, overflow);
    }

    /// <summary>The negative modulo 2^64, or 2^32, where <paramref name="negative"/> is 1.</summary>
    private Wide Negate(string name, Wide value, Linear negative)
    {
        Linear some = Step($"{name}: low is not 0", value.Low, 1.0, negative);
        Linear negative64 = _g.Keep($"{name} is negative, 64 bits", _g.Unit($"{name} is negative, 64 bits", Is(Signal.DivSigned64), negative));
        Linear any = Step($"{name}: high is not 0", value.High + some, 1.0, negative);
        return new Wide(
            _g.Keep($"{name}: size", value.Low - _g.Unit($"{name}: negative", negative, 2.0 * value.Low) + (Word * some)),
            _g.Keep($"{name}: size, high", value.High + _g.Unit($"{name}: negative, high", negative64, (Word * any) - some - (2.0 * value.High))));
    }

    /// <summary>How much the quotient of a long divisor is too large, and the remainder.</summary>
    private (Linear TooLarge, Wide Remainder) Correct(Wide n, Wide d, Linear[] dLimbs, Linear lowQuotient, Linear highQuotient)
    {
        Linear q0 = _g.Keep("quotient: limb 0", _g.Unit("quotient: limb 0", 1.0, lowQuotient));
        Linear q1 = _g.Keep("quotient: limb 1", _g.Unit("quotient: limb 1", 1.0, highQuotient));
        Linear Product(string name, Linear q, Linear limb) => _g.Keep(name, _g.Unit(name, q, limb));
        Linear p01 = Product("check: 0 1", q0, dLimbs[1]);
        Linear p10 = Product("check: 1 0", q1, dLimbs[0]);
        Linear h01 = Floor("check: 0 1 upper", p01, 16);
        Linear h10 = Floor("check: 1 0 upper", p10, 16);
        Linear lowProduct = Product("check: 0 0", q0, dLimbs[0]) + (65536.0 * (p01 + p10 - (65536.0 * (h01 + h10))));
        Linear highProduct = Product("check: 1 1", q1, dLimbs[1]) + Product("check: 0 2", q0, dLimbs[2]) + h01 + h10
            + (65536.0 * (Product("check: 0 3", q0, dLimbs[3]) + Product("check: 1 2", q1, dLimbs[2]))) + (Word * Product("check: 1 3", q1, dLimbs[3]));
        Linear low = _g.Keep("check: low", n.Low - lowProduct);
        Linear borrow = Reached("check: borrow", -low, 1.0, Word + 1.0, (2 * Word) + 1.0);
        Wide left = new(low + (Word * borrow), _g.Keep("check: high", n.High - highProduct - borrow));
        Linear tooLarge = 0.0;
        for (int i = 0; i < 2; i++)
        {
            Linear negative = Reached($"check: negative {i}", -left.High, 1.0);
            Linear sum = _g.Keep($"check: low {i}", left.Low + _g.Unit($"check: add {i}", negative, d.Low));
            Linear carry = Reached($"check: carry {i}", sum, Word);
            left = new Wide(sum - (Word * carry), _g.Keep($"check: high {i}", left.High + carry + _g.Unit($"check: add {i}", negative, d.High)));
            tooLarge += negative;
        }
        return (tooLarge, left);
    }
}
