namespace Eml.Formulas.Notation;

/// <summary>A fraction in lowest terms with a positive denominator. Overflow is an <see cref="OverflowException"/>.</summary>
internal readonly record struct Rational
{
    /// <summary>n / d.</summary>
    public Rational(long numerator, long denominator = 1)
    {
        long divisor = Divisor(Math.Abs(numerator), Math.Abs(denominator));
        divisor = denominator < 0 ? -divisor : divisor;
        (Numerator, Denominator) = (numerator / divisor, denominator / divisor);
    }

    public long Numerator { get; }

    public long Denominator { get; }

    public bool IsZero => Numerator == 0;

    public bool IsOne => Numerator == 1 && Denominator == 1;

    public bool IsWhole => Denominator == 1;

    public bool IsNegative => Numerator < 0;

    public Rational Absolute => IsNegative ? new(checked(-Numerator), Denominator) : this;

    public static Rational operator +(Rational a, Rational b) =>
        new(checked((a.Numerator * b.Denominator) + (b.Numerator * a.Denominator)), checked(a.Denominator * b.Denominator));

    public static Rational operator *(Rational a, Rational b) => new(checked(a.Numerator * b.Numerator), checked(a.Denominator * b.Denominator));

    public static Rational operator -(Rational a) => new(checked(-a.Numerator), a.Denominator);

    /// <summary>To a whole power.</summary>
    public Rational Power(long power)
    {
        Rational value = power < 0 ? new(Denominator, Numerator) : this, result = new(1);
        for (long i = 0; i < Math.Abs(power); i++)
        {
            result *= value;
        }
        return result;
    }

    public override string ToString() => Denominator == 1 ? $"{Numerator}" : $"{Numerator}/{Denominator}";

    private static long Divisor(long a, long b) => b == 0 ? a : Divisor(b, a % b);
}
