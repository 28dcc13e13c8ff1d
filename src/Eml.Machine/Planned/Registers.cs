namespace Eml.Machine.Planned;

/// <summary>The registers of a plan with the range of each: numbers of the token, values that heads read, results of units.</summary>
internal sealed class Registers
{
    private readonly List<Register> _all = [];

    private readonly record struct Register(double Min, double Max, Form? Gate, Form? Square)
    {
        /// <summary>The number that this one is nearest to.</summary>
        public Form? Nearest { get; init; }
    }

    /// <summary>Number of registers.</summary>
    public int Count => _all.Count;

    /// <summary>A register that is anywhere from <paramref name="min"/> to <paramref name="max"/>.</summary>
    public int Add(double min, double max)
    {
        _all.Add(new Register(min, max, null, null));
        return _all.Count - 1;
    }

    /// <summary>max(0, gate).</summary>
    public int AddHinge(Form gate, double max)
    {
        _all.Add(new Register(0.0, max, gate, null));
        return _all.Count - 1;
    }

    /// <summary>The square of a number that is not negative.</summary>
    public int AddSquare(Form root, double max)
    {
        _all.Add(new Register(0.0, max, null, root));
        return _all.Count - 1;
    }

    /// <summary>The number whose square a register is, or null.</summary>
    public Form? SquareOf(int register) => _all[register].Square;

    /// <summary>The gate of a hinge, or null.</summary>
    public Form? GateOf(int register) => _all[register].Gate;

    /// <summary>Says that a register is the integer nearest to <paramref name="form"/>.</summary>
    public void SetNearest(int register, Form form) => _all[register] = _all[register] with { Nearest = form };

    /// <summary>What a form can be.</summary>
    public (double Min, double Max) Range(Form form)
    {
        (double min, double max) = PlainRange(form);
        for (int i = 0; i < form.Registers.Length; i++)
        {
            // What is left of a number after the multiples of 2^k were taken away: r = n + e with |e| <= 1/2.
            if (_all[form.Registers[i]].Nearest is Form nearest)
            {
                double factor = form.Factors[i];
                (double low, double high) = PlainRange(form.Plus(Form.Of(form.Registers[i]), -factor).Plus(nearest, factor));
                min = Math.Max(min, Math.Ceiling(low - (0.5 * Math.Abs(factor))));
                max = Math.Min(max, Math.Floor(high + (0.5 * Math.Abs(factor))));
            }
        }
        return (min, max);
    }

    private (double Min, double Max) PlainRange(Form form)
    {
        double min = form.Constant;
        double max = form.Constant;
        for (int i = 0; i < form.Registers.Length; i++)
        {
            Register register = _all[form.Registers[i]];
            double factor = form.Factors[i];
            min += factor * (factor >= 0.0 ? register.Min : register.Max);
            max += factor * (factor >= 0.0 ? register.Max : register.Min);
        }
        return (min, max);
    }

    /// <summary>The largest magnitude that a form can have on the way to its value.</summary>
    public double Magnitude(Form form)
    {
        double magnitude = Math.Abs(form.Constant);
        for (int i = 0; i < form.Registers.Length; i++)
        {
            Register register = _all[form.Registers[i]];
            magnitude += Math.Abs(form.Factors[i]) * Math.Max(Math.Abs(register.Min), Math.Abs(register.Max));
        }
        return magnitude;
    }
}
