namespace Eml.Machine.Planned;

/// <summary>What forward passes of the fast path touch, at most: a gate that is closed saves what it multiplies.</summary>
/// <param name="Passes">Forward passes.</param>
/// <param name="MultiplyAdds">Nonzero coefficients, each of which multiplies a number of the pass and is added to a sum, and products.</param>
/// <param name="Lookups">Keys that are looked up or written, in what the sequence left and in tables.</param>
/// <param name="Values">Numbers that are read or written there.</param>
public readonly record struct PlanWork(long Passes, long MultiplyAdds, long Lookups, long Values)
{
    /// <summary>Coefficients and remembered numbers: all that is not 0 and takes part.</summary>
    public long Nonzeros => MultiplyAdds + Values;

    /// <summary>The work of both.</summary>
    internal PlanWork Plus(PlanWork other) =>
        new(Passes + other.Passes, MultiplyAdds + other.MultiplyAdds, Lookups + other.Lookups, Values + other.Values);

    /// <summary>The same so many times.</summary>
    internal PlanWork Times(long count) => new(Passes * count, MultiplyAdds * count, Lookups * count, Values * count);

    /// <summary>One pass of a plan.</summary>
    internal static PlanWork Of(PlanOp[] ops, Form[] results)
    {
        long multiplyAdds = results.Sum(form => form.Registers.Length);
        long lookups = 0;
        long values = 0;
        foreach (PlanOp op in ops)
        {
            multiplyAdds += op.Reads.Sum(form => form.Registers.Length) + op.Bends.Length + (op.Kind is PlanKind.Product or PlanKind.Gated ? 1 : 0);
            lookups += op.Kind is PlanKind.Row or PlanKind.Find or PlanKind.Insert ? 1 : 0;
            values += op.Columns.Length + op.Values.Length;
        }
        return new PlanWork(1, multiplyAdds, lookups, values);
    }
}
