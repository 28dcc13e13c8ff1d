using System.Runtime.InteropServices;

namespace Eml.Machine.Planned;

/// <summary>The registers of a plan with the range of each: numbers of the token, values that heads read, results of units.</summary>
internal sealed class Registers
{
    private readonly List<Register> _all = [];

    private readonly record struct Register(double Min, double Max, Form? Gate, Form? Square);

    /// <summary>Number of registers.</summary>
    public int Count => _all.Count;

    /// <summary>The largest magnitude that a form whose range was asked for can reach.</summary>
    public double Largest { get; private set; }

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

    /// <summary>What a form can be. Hinges max(0, t + a), max(0, t + b) ... of the same t are taken together: their sum is linear between
    /// the bends, so a step from 0 to 1 has the range [0, 1].</summary>
    public (double Min, double Max) Range(Form form)
    {
        double min = form.Constant;
        double max = form.Constant;
        Span<bool> done = form.Registers.Length <= 256 ? stackalloc bool[form.Registers.Length] : new bool[form.Registers.Length];
        done.Clear();
        double magnitude = Math.Abs(form.Constant);
        for (int i = 0; i < form.Registers.Length; i++)
        {
            Register register = _all[form.Registers[i]];
            magnitude += Math.Abs(form.Factors[i]) * Math.Max(Math.Abs(register.Min), Math.Abs(register.Max));
            if (done[i])
            {
                continue;
            }
            (double low, double high) = register.Gate is null ? Scaled(register.Min, register.Max, form.Factors[i]) : Hinges(form, i, done);
            min += low;
            max += high;
        }
        Largest = Math.Max(Largest, magnitude);
        return (min, max);
    }

    private static (double, double) Scaled(double min, double max, double factor) =>
        factor >= 0.0 ? (factor * min, factor * max) : (factor * max, factor * min);

    private (double Min, double Max) Hinges(Form form, int first, Span<bool> done)
    {
        Form terms = _all[form.Registers[first]].Gate!;
        var bends = new List<(double Offset, double Factor)>();
        for (int i = first; i < form.Registers.Length; i++)
        {
            if (_all[form.Registers[i]].Gate is Form gate && gate.SameTerms(terms))
            {
                done[i] = true;
                bends.Add((gate.Constant, form.Factors[i]));
            }
        }
        (double low, double high) = Range(new Form(0.0, terms.Registers, terms.Factors));
        double min = double.PositiveInfinity;
        double max = double.NegativeInfinity;
        foreach (double t in bends.Select(bend => Math.Clamp(-bend.Offset, low, high)).Append(low).Append(high))
        {
            double sum = 0.0;
            foreach ((double offset, double factor) in CollectionsMarshal.AsSpan(bends))
            {
                sum += factor * Math.Max(0.0, t + offset);
            }
            (min, max) = (Math.Min(min, sum), Math.Max(max, sum));
        }
        return (min, max);
    }
}
