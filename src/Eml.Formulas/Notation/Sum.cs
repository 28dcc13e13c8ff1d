namespace Eml.Formulas.Notation;

/// <summary>What a sum or product is made of.</summary>
internal abstract record Atom
{
    /// <summary>The same number, the same key.</summary>
    public abstract string Key { get; }
}

/// <summary>A variable.</summary>
internal sealed record VariableAtom(int Index) : Atom
{
    public override string Key { get; } = $"v{Index}";
}

/// <summary>A number that is no fraction of the form's own.</summary>
internal sealed record NumberAtom(double Value) : Atom
{
    public override string Key { get; } = FormattableString.Invariant($"n{Value:R}");
}

/// <summary>ln of a sum that cannot be taken apart; ln 0 = −∞.</summary>
internal sealed record LnAtom(Sum Of) : Atom
{
    public override string Key { get; } = $"ln({Of.Key})";

    public bool IsOfZero => Of.IsNumber && Of.Number.IsZero;
}

/// <summary>exp(exponent) times powers of sums, none of which is a product itself.</summary>
internal sealed record ProductAtom(Sum Exponent, IReadOnlyList<(Sum Base, Rational Power)> Powers) : Atom
{
    public override string Key { get; } = $"p({Exponent.Key}{string.Concat(Powers.Select(power => $"|{power.Base.Key}^{power.Power}"))})";
}

/// <summary>
/// A fraction plus fractions of atoms: the normal form in which exp and ln of each other cancel. ln(u v) = ln u + ln v and exp(ln u) = u hold because a
/// real ln has a positive argument; for complex values they hold up to multiples of 2 π i.
/// </summary>
internal sealed class Sum
{
    private readonly SortedDictionary<string, (Atom Atom, Rational Count)> _terms;

    private Sum(Rational number, SortedDictionary<string, (Atom Atom, Rational Count)> terms)
    {
        (Number, _terms) = (number, terms);
        Key = $"{number}{string.Concat(terms.Select(term => $"+{term.Value.Count}*{term.Key}"))}";
    }

    /// <summary>The number.</summary>
    public Rational Number { get; }

    /// <summary>Atoms and how often they are added.</summary>
    public IEnumerable<(Atom Atom, Rational Count)> Terms => _terms.Values;

    /// <summary>The same sum, the same key.</summary>
    public string Key { get; }

    /// <summary>Whether it is a number.</summary>
    public bool IsNumber => _terms.Count == 0;

    /// <summary>Whether it is 0.</summary>
    public bool IsZero => IsNumber && Number.IsZero;

    /// <summary>The one atom that it is a multiple of, if it is nothing else.</summary>
    public (Atom Atom, Rational Count)? Single => Number.IsZero && _terms.Count == 1 ? _terms.First().Value : null;

    /// <summary>A number.</summary>
    public static Sum Of(Rational number) => new(number, new(StringComparer.Ordinal));

    /// <summary>A whole number.</summary>
    public static Sum Of(long number) => Of(new Rational(number));

    /// <summary>An atom.</summary>
    public static Sum Of(Atom atom) => new(new Rational(0), new(StringComparer.Ordinal) { [atom.Key] = (atom, new Rational(1)) });

    /// <summary>this + factor other.</summary>
    public Sum Plus(Sum other, Rational factor)
    {
        var terms = new SortedDictionary<string, (Atom Atom, Rational Count)>(_terms, StringComparer.Ordinal);
        foreach ((string key, (Atom atom, Rational count)) in other._terms)
        {
            Rational total = (terms.TryGetValue(key, out (Atom Atom, Rational Count) before) ? before.Count : new Rational(0)) + (factor * count);
            if (total.IsZero)
            {
                terms.Remove(key);
            }
            else
            {
                terms[key] = (atom, total);
            }
        }
        return new Sum(Number + (factor * other.Number), terms);
    }

    /// <summary>exp of it: what is ln becomes a factor.</summary>
    public Sum Exp()
    {
        Sum rest = this;
        var factor = new Rational(1);
        var powers = new List<(Sum Base, Rational Power)>();
        foreach ((Atom atom, Rational count) in Terms)
        {
            if (atom is not LnAtom ln)
            {
                continue;
            }
            if (ln.IsOfZero && !count.IsNegative)
            {
                return Of(0);
            }
            rest = rest.Plus(Of(atom), -count);
            if (ln.Of.IsNumber && !ln.IsOfZero && count.IsWhole && Math.Abs(count.Numerator) <= 64)
            {
                factor *= ln.Of.Number.Power(count.Numerator);
            }
            else
            {
                powers.Add((ln.Of, count));
            }
        }
        Sum product = powers.Count == 0 && rest.IsZero ? Of(1)
            : powers is [(Sum only, { IsOne: true })] && rest.IsZero ? only
            : Of(new ProductAtom(rest, powers));
        return Of(0).Plus(product, factor);
    }

    /// <summary>ln of it: what is a product becomes a sum.</summary>
    public Sum Ln()
    {
        if (IsNumber && Number is { IsZero: false, IsNegative: false })
        {
            return LnOf(Number);
        }
        if (_terms.Values.Any(term => term.Atom is LnAtom { IsOfZero: true } && term.Count.IsNegative))
        {
            return Of(0).Plus(Of(new LnAtom(Of(0))), new Rational(-1)); // of +∞
        }
        if (Single is not (Atom atom, { IsNegative: false } count) || (atom is not ProductAtom && count.IsOne))
        {
            return Of(new LnAtom(this));
        }
        Sum sum = LnOf(count);
        if (atom is not ProductAtom product)
        {
            return sum.Plus(Of(new LnAtom(Of(atom))), new Rational(1));
        }
        sum = sum.Plus(product.Exponent, new Rational(1));
        foreach ((Sum value, Rational power) in product.Powers)
        {
            sum = sum.Plus(value.Ln(), power);
        }
        return sum;
    }

    private static Sum LnOf(Rational number)
    {
        Sum sum = Of(0);
        sum = number.Numerator == 1 ? sum : sum.Plus(Of(new LnAtom(Of(number.Numerator))), new Rational(1));
        return number.Denominator == 1 ? sum : sum.Plus(Of(new LnAtom(Of(number.Denominator))), new Rational(-1));
    }
}
