namespace Eml.Functions;

/// <summary>
/// One change that a training kept: which parameters (indices into the model's whole parameter list, ascending), what
/// they were, what they became, and the loss that the training compares afterwards. An audit log is the list of these.
/// An index past the parameters is a number of the training's own: in the default profile, parameter_count is the ridge,
/// and the last move, after the search, is the exact solution of the heads, whose loss is that of all samples.
/// </summary>
/// <param name="step">The trial at which it was kept, counted from 1 over the whole training.</param>
/// <param name="indices">(changed)</param>
/// <param name="before">(changed)</param>
/// <param name="after">(changed)</param>
/// <param name="loss">The smaller loss.</param>
public readonly ref struct AcceptedMove(long step, ReadOnlySpan<int> indices, ReadOnlySpan<double> before,
    ReadOnlySpan<double> after, double loss)
{
    /// <summary>The trial at which it was kept, counted from 1 over the whole training.</summary>
    public long Step { get; } = step;

    /// <summary>(changed) indices into the parameters, ascending.</summary>
    public ReadOnlySpan<int> Indices { get; } = indices;

    /// <summary>(changed) values before the move.</summary>
    public ReadOnlySpan<double> Before { get; } = before;

    /// <summary>(changed) values after the move.</summary>
    public ReadOnlySpan<double> After { get; } = after;

    /// <summary>The loss that the training compares, after the move.</summary>
    public double Loss { get; } = loss;
}

/// <summary>Hears of every change that a training keeps, in order, on the thread that trains.</summary>
public delegate void MoveListener(AcceptedMove move);
