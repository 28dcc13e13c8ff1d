using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Machine.Planned;

/// <summary>The fast path for transformers whose tokens are tuples: for each operation that a program uses, what a forward pass comes to
/// is worked out once; a step then does only that. The results equal those of <see cref="DenseEngine"/>.</summary>
public sealed class PlannedEngine : Engine
{
    private readonly Planner _planner;
    private readonly Plan?[] _known = new Plan?[256];
    private readonly long[] _runs = new long[256];
    private readonly KeyedMemory[] _memories;
    private readonly KeyedMemory _code;
    private double[] _registers;

    /// <summary>An engine at the start of a sequence.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: weights for which no plan can be made.</exception>
    public PlannedEngine(TransformerWeights weights) : this(new Planner(weights))
    {
    }

    /// <summary>An engine that shares its plans with others.</summary>
    internal PlannedEngine(Planner planner) : base(planner.Weights)
    {
        _planner = planner;
        _memories = [.. planner.Beginnings.Select(beginning => new KeyedMemory(beginning.Columns))];
        Clear();
        _registers = new double[planner.Weights.Config.PositionChannels.Length];
        _code = _memories[planner.Fetch.Memory];
    }

    /// <inheritdoc/>
    public override long StateBytes => _memories.Sum(memory => memory.Bytes);

    /// <summary>What the forward passes for generated tokens did, those of operations below 256.</summary>
    public PlanWork Work => Enumerable.Range(0, _runs.Length).Where(operation => _runs[operation] > 0)
        .Aggregate(default(PlanWork), (sum, operation) => sum.Plus(_known[operation]!.Work.Times(_runs[operation])));

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
        CheckRanges(tuple.Length);
        int at = _code.Find(_planner.Fetch.High.Value(_registers), _planner.Fetch.Low.Value(_registers));
        int operation = at < 0 ? 0 : (int)_code.Values[at + _planner.Fetch.Column];
        bool generated = tuple.Length == Weights.Config.ResultChannels.Length;
        Plan plan = (generated && (uint)operation < (uint)_known.Length ? _known[operation] : null) ?? PlanOf(tuple.Length, operation, generated);
        plan.Run(_registers, _memories, next);
        if (generated && (uint)operation < (uint)_runs.Length)
        {
            _runs[operation]++;
        }
        Length++;
    }

    /// <inheritdoc/>
    public override void Clear()
    {
        Length = 0;
        Array.Clear(_runs);
        for (int i = 0; i < _memories.Length; i++)
        {
            _memories[i].Copy(_planner.Beginnings[i]);
        }
    }

    /// <summary>What can be found of the sequence, per memory of <see cref="Planner.HeadsOf"/>.</summary>
    internal IReadOnlyList<KeyedMemory> Memories => _memories;

    /// <summary>Plans are made for numbers in their ranges. Those of generated tokens are what the weights make of numbers that were.</summary>
    private void CheckRanges(int numbers)
    {
        if (numbers == Weights.Config.ResultChannels.Length)
        {
            return;
        }
        for (int i = 0; i < numbers; i++)
        {
            (double min, double max) = Weights.Config.PositionRanges[i];
            double value = _registers[i];
            if (!(value >= min && value <= max && value == Math.Floor(value)))
            {
                throw new EmlException(ErrorCode.Argument, $"transformer: number {i} of a token is {value}; it must be an integer from {min} to {max}", i);
            }
        }
    }

    private Plan PlanOf(int numbers, int operation, bool generated)
    {
        Plan plan = _planner.Of(numbers, operation);
        if (_registers.Length < plan.Registers)
        {
            Array.Resize(ref _registers, plan.Registers);
        }
        if (generated && (uint)operation < (uint)_known.Length)
        {
            _known[operation] = plan;
        }
        return plan;
    }
}
