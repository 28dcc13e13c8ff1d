using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Machine.Planned;

/// <summary>The fast path for transformers whose tokens are tuples: for each operation that a program uses, what a forward pass comes to
/// is worked out once; a step then does only that. The results equal those of <see cref="DenseEngine"/>.</summary>
public sealed class PlannedEngine : Engine
{
    private readonly Planner _planner;
    private readonly Dictionary<(int Numbers, int Operation), Plan> _plans = [];
    private readonly Plan?[] _known = new Plan?[256];
    private readonly KeyedMemory[] _memories;
    private readonly KeyedMemory _code;
    private readonly double[] _registers;

    /// <summary>An engine at the start of a sequence.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: weights for which no plan can be made.</exception>
    public PlannedEngine(TransformerWeights weights) : base(weights)
    {
        _planner = new Planner(weights);
        if (_planner.Control.Layer < 0)
        {
            throw Planner.Refused("no table is read by a value from the sequence");
        }
        _memories = [.. _planner.Entries];
        _code = _memories[_planner.Fetch.Memory];
        _registers = new double[4096];
    }

    /// <inheritdoc/>
    public override long StateBytes => _memories.Sum(memory => memory.Bytes);

    /// <summary>Plans that were made so far.</summary>
    public int Plans => _plans.Count;

    /// <inheritdoc/>
    public override int Step(int token, ReadOnlySpan<double> position) =>
        throw new EmlException(ErrorCode.Argument, "transformer: its tokens are tuples of numbers; give the numbers");

    /// <inheritdoc/>
    public override void Append(int store, int token, ReadOnlySpan<double> position) =>
        throw new EmlException(ErrorCode.Argument, "transformer: it has no external store");

    /// <inheritdoc/>
    public override void Step(ReadOnlySpan<double> tuple, Span<double> next)
    {
        CheckTuple(tuple.Length, next.Length);
        tuple.CopyTo(_registers);
        int at = _code.Find(_planner.Fetch.High.Value(_registers), _planner.Fetch.Low.Value(_registers));
        int operation = at < 0 ? 0 : (int)_code.Values[at + _planner.Fetch.Column];
        bool generated = tuple.Length == Weights.Config.ResultChannels.Length;
        Plan plan = (generated && (uint)operation < (uint)_known.Length ? _known[operation] : null) ?? PlanOf(tuple.Length, operation, generated);
        plan.Run(_registers, next);
        Length++;
    }

    /// <inheritdoc/>
    public override void Clear()
    {
        Length = 0;
        foreach (KeyedMemory memory in _memories)
        {
            memory.Clear();
        }
    }

    private Plan PlanOf(int numbers, int operation, bool generated)
    {
        if (!_plans.TryGetValue((numbers, operation), out Plan? plan))
        {
            plan = _planner.Of(numbers, operation);
            _plans[(numbers, operation)] = plan;
        }
        if (generated && (uint)operation < (uint)_known.Length)
        {
            _known[operation] = plan;
        }
        return plan;
    }
}
