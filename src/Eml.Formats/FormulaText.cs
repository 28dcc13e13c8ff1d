using System.Text;
using Eml.Functions.Expressions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>Formulas as text: for people simplified, for compilers operation by operation.</summary>
public static class FormulaText
{
    /// <summary>
    /// Writes a formula. Text and LaTeX are simplified; with ranges (one an input) also by what cannot happen inside of
    /// them. Source code is not: it computes the bits that the model computes, given the exp and ln that its heading names.
    /// </summary>
    public static string Write(Formula formula, FormulaFormat format, IReadOnlyList<Interval>? ranges = null) => format switch
    {
        FormulaFormat.Text => ReadableText.Write(formula.Simplify(ranges)),
        FormulaFormat.Latex => LatexText.Write(formula.Simplify(ranges)),
        FormulaFormat.C => SourceText.C(formula),
        FormulaFormat.Rust => SourceText.Rust(formula),
        FormulaFormat.Python => SourceText.Python(formula),
        _ => throw new EmlException(ErrorCode.Argument,
            $"expression format {(int)format} is unknown; 1 is text, 2 LaTeX, 3 C, 4 Rust, 5 Python"),
    };

    /// <summary>The shortest digits that read back as the same double.</summary>
    internal static string Number(double value)
    {
        Span<byte> digits = stackalloc byte[NumberText.MaxLength];
        return Encoding.ASCII.GetString(digits[..NumberText.WriteEcma(value, digits)]);
    }

    /// <summary>p/q with q up to 12 if that is the double nearest to the value and its decimals do not end.</summary>
    internal static (int P, int Q)? Fraction(double value)
    {
        foreach (int q in (ReadOnlySpan<int>)[3, 6, 7, 9, 11, 12])
        {
            double p = Math.Round(value * q);
            if (Math.Abs(p) <= 999 && p / q == value && AreCoprime((int)p, q))
            {
                return ((int)p, q);
            }
        }

        return null;
    }

    private static bool AreCoprime(int p, int q)
    {
        while (q != 0)
        {
            (p, q) = (q, p % q);
        }

        return Math.Abs(p) == 1;
    }
}

/// <summary>How tightly an operator binds: what binds less than its place needs gets parentheses.</summary>
internal static class Binding
{
    public const int Sum = 1;
    public const int Product = 2;
    public const int Power = 3;
    public const int Atom = 4;
}
