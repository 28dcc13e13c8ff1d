using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Machine.Planned;

/// <summary>Makes plans from weights: it executes the layers on forms instead of numbers, with the range of every register.</summary>
/// <remarks>
/// It knows no machine. It asks of the weights that every head over the sequence looks up by distance, score -(q - k)^2 with a sink of
/// -1/2 (then only the latest position with the same key can win, or none), and proves that from the weights themselves; and that tables
/// have the keys of <see cref="TableRows"/>. The first value that chooses a table's row, the operation, is what plans are made for.
/// </remarks>
internal sealed class Planner
{
    private readonly TransformerWeights _weights;
    private readonly SparseLayer[] _layers;
    private readonly List<Memory> _memories = [];
    private readonly Dictionary<(int Layer, int Head), (int Memory, int First)> _places = [];
    private readonly Dictionary<(int Layer, int Head), TableRows> _tables = [];
    private readonly Dictionary<(int Numbers, int Operation), Plan> _plans = [];

    public Planner(TransformerWeights weights)
    {
        _weights = weights;
        _layers = [.. Enumerable.Range(0, weights.Layers.Length).Select(i => new SparseLayer(weights, i))];
        if (weights.Config.PositionRanges.Length == 0)
        {
            throw Refused("the range of the numbers of a token is not known");
        }
        Writes = ChannelWrite.Of(_layers, weights.Config.ModelWidth);
        ReadTables();
        // The pass for any operation finds out which heads share a memory, what can be in it, and which value is the operation.
        var pass = new PlanPass(this, weights.Config.PositionChannels.Length, null);
        Any = pass.Build();
        if (Control.Layer < 0)
        {
            throw Refused("no table is read by a value from the sequence");
        }
        Beginnings = [.. _memories.Select(memory => ConstantEntries.Read(weights, _layers, memory.Heads, memory.KeyRanges))];
    }

    /// <summary>What the memories of a sequence hold before its first token.</summary>
    public KeyedMemory[] Beginnings { get; }

    /// <summary>The plan that would do for every operation; it only says how the operation is found.</summary>
    public Plan Any { get; }

    /// <summary>The head whose value is the operation, and the component; layer -1 if there is none.</summary>
    public (int Layer, int Head, int Component) Control { get; private set; } = (-1, -1, -1);

    /// <summary>Where the operation is found: memory, key, and column.</summary>
    public (int Memory, Form High, Form Low, int Column) Fetch { get; private set; }

    /// <summary>The plan for an operation, for tokens of which the first <paramref name="numbers"/> numbers are given and the others 0.</summary>
    /// <remarks>Made once for all engines; any thread may ask.</remarks>
    public Plan Of(int numbers, int operation)
    {
        lock (_plans)
        {
            if (!_plans.TryGetValue((numbers, operation), out Plan? plan))
            {
                plan = new PlanPass(this, numbers, operation).Build();
                _plans.Add((numbers, operation), plan);
            }
            return plan;
        }
    }

    /// <summary>Per channel: what is added to it, in order.</summary>
    internal ChannelWrite[][] Writes { get; }

    internal int MemoryCount => _memories.Count;

    internal TransformerWeights Weights => _weights;

    internal SparseLayer[] Layers => _layers;

    internal static EmlException Refused(string why) =>
        new(ErrorCode.Argument, $"transformer: {why}, so no plan can be made; use the dense engine");

    internal TableRows TableOf(int layer, int head) => _tables[(layer, head)];

    internal (int Memory, int First) PlaceOf(int layer, int head) => _places[(layer, head)];

    internal IReadOnlyList<(double Min, double Max)> RangesOf(int memory) => _memories[memory].Ranges;

    /// <summary>The heads that share a memory, in the order of their columns.</summary>
    internal IReadOnlyList<(int Layer, int Head)> HeadsOf(int memory) => _memories[memory].Heads;

    /// <summary>Gives a head of the pass for any operation its place.</summary>
    internal void Place(int layer, int head, Form high, Form low, Form isKey, Form[] values, Registers registers)
    {
        // The same numbers can be keys of different things: words of memory and elements of a table.
        int number = _memories.FindIndex(other => other.High.Same(high) && other.Low.Same(low) && other.IsKey.Same(isKey));
        if (number < 0)
        {
            number = _memories.Count;
            _memories.Add(new Memory(high, low, isKey) { KeyRanges = (registers.Range(high), registers.Range(low)) });
        }
        Memory memory = _memories[number];
        _places[(layer, head)] = (number, memory.Values.Count);
        memory.Heads.Add((layer, head));
        for (int i = 0; i < values.Length; i++)
        {
            (double min, double max) = registers.Range(values[i]);
            (double constantMin, double constantMax) = ConstantEntries.Range(_weights, _layers[layer].Heads[head].Config, i);
            memory.Values.Add(values[i]);
            memory.Ranges.Add((Math.Min(constantMin, min), Math.Max(constantMax, max)));
        }
    }

    /// <summary>Says that a head's value is the operation, found under this key.</summary>
    internal void FoundControl((int Layer, int Head, int Component) control, Form high, Form low)
    {
        Control = control;
        (int memory, int first) = _places[(control.Layer, control.Head)];
        Fetch = (memory, high, low, first + control.Component);
    }

    private void ReadTables()
    {
        int width = _weights.Config.HeadWidth;
        var known = new List<(int Layer, int Head, TableRows Rows)>();
        for (int i = 0; i < _layers.Length; i++)
        {
            for (int h = 0; h < _layers[i].Heads.Length; h++)
            {
                SparseLayer.Head head = _layers[i].Heads[h];
                if (head.Config.Mode != HeadMode.Table)
                {
                    continue;
                }
                TableRows? rows = known.Find(other => Same(_layers[other.Layer].Heads[other.Head], head)).Rows;
                if (rows is null)
                {
                    rows = new TableRows(Read(head, width), width);
                    known.Add((i, h, rows));
                }
                if (!rows.IsGrid)
                {
                    throw Refused($"the keys of table '{_weights.Config.Tables[head.Config.Store].Name}' are not (2j, -j^2)");
                }
                _tables[(i, h)] = rows;
            }
        }
    }

    private static bool Same(SparseLayer.Head a, SparseLayer.Head b) => a.Config.Store == b.Config.Store
        && a.Key.Zip(b.Key).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second))
        && a.Value.Zip(b.Value).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

    private double[] Read(SparseLayer.Head head, int width)
    {
        int columns = _weights.Config.Tables[head.Config.Store].Columns;
        double[] table = _weights.Tables[head.Config.Store];
        int count = table.Length / columns;
        double[] read = new double[count * 2 * width];
        SparseLayer.Term[][] rows = [.. head.Key, .. head.Value];
        for (int j = 0; j < count; j++)
        {
            for (int i = 0; i < rows.Length; i++)
            {
                foreach (SparseLayer.Term term in rows[i])
                {
                    read[(j * rows.Length) + i] += term.Channel < columns ? term.Weight * table[(j * columns) + term.Channel] : 0.0;
                }
            }
        }
        return read;
    }

    private sealed class Memory(Form high, Form low, Form isKey)
    {
        public Form High { get; } = high;

        public Form Low { get; } = low;

        public Form IsKey { get; } = isKey;

        public List<(int Layer, int Head)> Heads { get; } = [];

        public List<Form> Values { get; } = [];

        public List<(double Min, double Max)> Ranges { get; } = [];

        /// <summary>What the two parts of a key can be.</summary>
        public required ((double Min, double Max) High, (double Min, double Max) Low) KeyRanges { get; init; }
    }
}
