namespace Eml.Machine.Planned;

/// <summary>A number as a linear combination of registers and a constant.</summary>
internal sealed class Form(double constant, int[] registers, double[] factors)
{
    public static Form Zero { get; } = new(0.0, [], []);

    public double Constant { get; } = constant;

    public int[] Registers { get; } = registers;

    public double[] Factors { get; } = factors;

    public bool IsConstant => Registers.Length == 0;

    public static Form Of(int register) => new(0.0, [register], [1.0]);

    public static Form Of(double constant) => constant == 0.0 ? Zero : new Form(constant, [], []);

    /// <summary>The number, given the registers'.</summary>
    public double Value(double[] registers)
    {
        double sum = Constant;
        int[] which = Registers;
        double[] factors = Factors;
        for (int i = 0; i < which.Length; i++)
        {
            sum += factors[i] * registers[which[i]];
        }
        return sum;
    }

    /// <summary>This plus <paramref name="factor"/> times another; registers stay in ascending order.</summary>
    public Form Plus(Form other, double factor)
    {
        if (factor == 0.0 || (other.IsConstant && other.Constant == 0.0))
        {
            return this;
        }
        var registers = new List<int>(Registers.Length + other.Registers.Length);
        var factors = new List<double>(registers.Capacity);
        (int a, int b) = (0, 0);
        while (a < Registers.Length || b < other.Registers.Length)
        {
            int left = a < Registers.Length ? Registers[a] : int.MaxValue;
            int right = b < other.Registers.Length ? other.Registers[b] : int.MaxValue;
            double sum = 0.0;
            if (left <= right)
            {
                sum += Factors[a++];
            }
            if (right <= left)
            {
                sum += factor * other.Factors[b++];
            }
            if (sum != 0.0)
            {
                registers.Add(Math.Min(left, right));
                factors.Add(sum);
            }
        }
        return new Form(Constant + (factor * other.Constant), [.. registers], [.. factors]);
    }

    /// <summary>Whether both are the same combination, constants included.</summary>
    public bool Same(Form other) => Constant == other.Constant && SameTerms(other);

    /// <summary>Whether both are the same combination but for the constant.</summary>
    public bool SameTerms(Form other) => Registers.AsSpan().SequenceEqual(other.Registers) && Factors.AsSpan().SequenceEqual(other.Factors);
}
