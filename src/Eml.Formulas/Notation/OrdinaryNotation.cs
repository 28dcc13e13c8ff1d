using System.Globalization;
using Eml.Numerics;

namespace Eml.Formulas.Notation;

/// <summary>Forms in the notation that people use: exp and ln that cancel are gone, sums, products, quotients and powers are written as such.</summary>
public static class OrdinaryNotation
{
    /// <summary>As text: <c>11xE1EE</c> is <c>ln(x)</c>.</summary>
    /// <param name="form">What to write.</param>
    /// <param name="names">The variables' names; null: those of the form's text.</param>
    /// <exception cref="EmlException"><see cref="ErrorCode.Limit"/>: its whole numbers are beyond 64 bits.</exception>
    public static string Text(EmlForm form, IReadOnlyList<string>? names = null) => Write(form, new TextWords(names));

    /// <summary>As LaTeX, for mathematics mode.</summary>
    /// <param name="form">What to write.</param>
    /// <param name="names">The variables' names; null: those of the form's text.</param>
    /// <exception cref="EmlException"><see cref="ErrorCode.Limit"/>: its whole numbers are beyond 64 bits.</exception>
    public static string Latex(EmlForm form, IReadOnlyList<string>? names = null) => Write(form, new LatexWords(names));

    private static string Write(EmlForm form, Words words)
    {
        ArgumentNullException.ThrowIfNull(form);
        try
        {
            return words.Sum(SumOf(form));
        }
        catch (OverflowException)
        {
            throw new EmlException(ErrorCode.Limit, $"notation: a form of length {form.Length} has whole numbers beyond 64 bits; write its reverse Polish text instead");
        }
    }

    /// <summary>The normal form.</summary>
    internal static Sum SumOf(EmlForm form) => form.Kind switch
    {
        FormKind.One => Sum.Of(1),
        FormKind.Variable => Sum.Of(new VariableAtom(form.Index)),
        FormKind.Constant => form.Value == Math.Floor(form.Value) && Math.Abs(form.Value) < 1e6 ? Sum.Of((long)form.Value) : Sum.Of(new NumberAtom(form.Value)),
        _ => SumOf(form.Left!).Exp().Plus(SumOf(form.Right!).Ln(), new Rational(-1)),
    };

    /// <summary>How the parts are written.</summary>
    private abstract class Words(IReadOnlyList<string>? names)
    {
        public abstract string Exp(string inner);

        public abstract string Ln(string inner);

        public abstract string Times { get; }

        public abstract string Quotient(string above, string below, bool isOne);

        public abstract string Power(string value, Rational power);

        public abstract string Root(string value);

        public abstract string Enclosed(string inner);

        public abstract string Number(double value);

        public abstract string E { get; }

        protected string Name(int index) => names is null ? EmlForm.VariableNames[index].ToString() : names[index];

        public string Sum(Sum sum)
        {
            // What is added first, so that no sum begins with a minus that it need not have.
            string text = "";
            foreach ((Atom atom, Rational count) in sum.Terms.OrderBy(term => term.Count.IsNegative ? 1 : 0))
            {
                string term = Multiple(count.Absolute, atom);
                text += count.IsNegative ? text.Length == 0 ? $"-{term}" : $" - {term}" : text.Length == 0 ? term : $" + {term}";
            }
            string number = Fraction(sum.Number.Absolute);
            return text.Length == 0 ? sum.Number.IsNegative ? $"-{number}" : number
                : sum.Number.IsZero ? text
                : text.StartsWith('-') && !sum.Number.IsNegative ? $"{number} - {text[1..]}"
                : sum.Number.IsNegative ? $"{text} - {number}" : $"{text} + {number}";
        }

        private string Fraction(Rational number) => number.IsWhole ? $"{number.Numerator}" : Quotient($"{number.Numerator}", $"{number.Denominator}", true);

        /// <summary>count times atom.</summary>
        private string Multiple(Rational count, Atom atom)
        {
            var above = new List<string>();
            var below = new List<string>();
            if (count.Numerator != 1)
            {
                above.Add($"{count.Numerator}");
            }
            if (count.Denominator != 1)
            {
                below.Add($"{count.Denominator}");
            }
            switch (atom)
            {
                case VariableAtom variable:
                    above.Add(Name(variable.Index));
                    break;
                case NumberAtom number:
                    above.Add(number.Value < 0 ? Enclosed(Number(number.Value)) : Number(number.Value));
                    break;
                case LnAtom ln:
                    above.Add(Ln(Sum(ln.Of)));
                    break;
                default:
                    Factors((ProductAtom)atom, above, below);
                    break;
            }
            string product = above.Count == 0 ? "1" : string.Join(Times, above);
            return below.Count == 0 ? product : Quotient(product, string.Join(Times, below), below.Count == 1);
        }

        private void Factors(ProductAtom product, List<string> above, List<string> below)
        {
            foreach ((Sum value, Rational power) in product.Powers)
            {
                Rational size = power.Absolute;
                bool isSquareRoot = size == new Rational(1, 2);
                bool isPlain = isSquareRoot || value.Single is (VariableAtom or LnAtom, { IsOne: true }) || value is { IsNumber: true, Number: { IsWhole: true, IsNegative: false } };
                string text = isPlain ? Sum(value) : Enclosed(Sum(value));
                (power.IsNegative ? below : above).Add(isSquareRoot ? Root(text) : size.IsOne ? text : Power(text, size));
            }
            Sum exponent = product.Exponent;
            if (exponent.IsZero)
            {
                return;
            }
            // exp(-u) above the line is exp(u) below it.
            bool isBelow = above.Count > 0 && (exponent.Number.IsZero || exponent.Number.IsNegative) && exponent.Terms.All(term => term.Count.IsNegative);
            Sum shown = isBelow ? Notation.Sum.Of(0).Plus(exponent, new Rational(-1)) : exponent;
            (isBelow ? below : above).Add(shown is { IsNumber: true, Number.IsOne: true } ? E : Exp(Sum(shown)));
        }
    }

    private sealed class TextWords(IReadOnlyList<string>? names) : Words(names)
    {
        public override string Times => "*";

        public override string E => "e";

        public override string Exp(string inner) => $"exp({inner})";

        public override string Ln(string inner) => $"ln({inner})";

        public override string Quotient(string above, string below, bool isOne) => isOne ? $"{above}/{below}" : $"{above}/({below})";

        public override string Power(string value, Rational power) => power.IsWhole ? $"{value}^{power}" : $"{value}^({power})";

        public override string Root(string value) => $"sqrt({value})";

        public override string Enclosed(string inner) => $"({inner})";

        public override string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);
    }

    private sealed class LatexWords(IReadOnlyList<string>? names) : Words(names)
    {
        public override string Times => @" \, ";

        public override string E => "e";

        public override string Exp(string inner) => $"e^{{{inner}}}";

        public override string Ln(string inner) => $@"\ln\left({inner}\right)";

        public override string Quotient(string above, string below, bool isOne) => $@"\frac{{{above}}}{{{below}}}";

        public override string Power(string value, Rational power) => $"{value}^{{{power}}}";

        public override string Root(string value) => $@"\sqrt{{{value}}}";

        public override string Enclosed(string inner) => $@"\left({inner}\right)";

        public override string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);
    }
}
