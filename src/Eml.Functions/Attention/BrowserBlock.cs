using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// The attention block of eml-core's browser trainer: softmax(Q·Kᵀ/√K)·V between four learned maps q, k, v: x (S·D) → (S·K)
/// and out: (S·K) → (S·D). The maps are SafeTrees whose logarithms' arguments are clamped at 5e-324 rather than 2.2e-308;
/// those of the affine baseline have no levels, W·x + b only.
/// </summary>
public sealed class BrowserBlock
{
    private readonly SafeTree[] _maps;
    private readonly double _scale;

    /// <summary>A block of these maps, which it keeps.</summary>
    public BrowserBlock(int seqLen, SafeTree query, SafeTree key, SafeTree value, SafeTree output)
    {
        BrowserConfig.Range("seq_len", seqLen, 1, BrowserConfig.SeqLenLimit);
        if (query.Inputs % seqLen != 0 || query.Heads % seqLen != 0)
        {
            throw new EmlException(ErrorCode.Shape,
                $"q has {query.Inputs} inputs and {query.Heads} heads; both must be multiples of seq_len {seqLen}");
        }

        SeqLen = seqLen;
        DModel = query.Inputs / seqLen;
        DK = query.Heads / seqLen;
        BrowserConfig.CheckShape(SeqLen, DModel, DK);
        Depth = query.Depth;
        BrowserConfig.Range("depth", Depth, 0, BrowserConfig.MostDepth);
        _maps = [query, key, value, output];
        CheckMap("k", key, query.Inputs, query.Heads);
        CheckMap("v", value, query.Inputs, query.Heads);
        CheckMap("out", output, query.Heads, query.Inputs);
        ParameterCount = _maps.Sum(map => map.ParameterCount);
        _scale = 1 / Math.Sqrt(DK);
    }

    /// <summary>An untrained block: weights of ±0.1, biases 0, constants of ±0.05, drawn from the seed.</summary>
    public static BrowserBlock Eml(BrowserConfig config) => Create(config, config.Depth);

    /// <summary>An untrained affine baseline: weights, then biases, of ±0.05, drawn from the seed.</summary>
    public static BrowserBlock Affine(BrowserConfig config) => Create(config, depth: 0);

    /// <summary>Positions S.</summary>
    public int SeqLen { get; }

    /// <summary>Numbers D in a position.</summary>
    public int DModel { get; }

    /// <summary>Numbers K in a query, key or value.</summary>
    public int DK { get; }

    /// <summary>Levels of eml nodes in each map; 0: the affine baseline.</summary>
    public int Depth { get; }

    /// <summary>q: (S·D) → (S·K).</summary>
    public SafeTree Query => _maps[0];

    /// <summary>k: (S·D) → (S·K).</summary>
    public SafeTree Key => _maps[1];

    /// <summary>v: (S·D) → (S·K).</summary>
    public SafeTree Value => _maps[2];

    /// <summary>out: (S·K) → (S·D).</summary>
    public SafeTree Output => _maps[3];

    /// <summary>q, k, v, out.</summary>
    public ReadOnlySpan<SafeTree> Maps => _maps;

    /// <summary>
    /// Of all four maps. The whole list is that of q, k, v, out in order; each has weights, biases and constants.
    /// </summary>
    public int ParameterCount { get; }

    /// <summary>What the training of the output map alone left as its loss; infinity before.</summary>
    public double OutputLoss { get; set; } = double.PositiveInfinity;

    /// <summary>The trainer calls the output map trained below a loss of 0.1; the other maps never.</summary>
    public bool OutputTrained => OutputLoss < 0.1;

    /// <summary>
    /// x (rows, S·D) → y (rows, S·D), attention (rows, S, S) and context (rows, S·K); empty spans for what is not wanted.
    /// </summary>
    public void Forward(ReadOnlySpan<double> x, int rows, Span<double> y, Span<double> attention = default,
        Span<double> context = default)
    {
        int wide = SeqLen * DModel, narrow = SeqLen * DK;
        Check.Matrix("x", x, rows, wide, allowNonFinite: false);
        RequireRows("y", y, rows, wide);
        RequireRows("attention", attention, rows, SeqLen * SeqLen);
        RequireRows("context", context, rows, narrow);

        Span<double> q = stackalloc double[narrow], k = stackalloc double[narrow], v = stackalloc double[narrow];
        Span<double> ownContext = stackalloc double[narrow], ownAttention = stackalloc double[SeqLen * SeqLen];
        for (int i = 0; i < rows; i++)
        {
            ReadOnlySpan<double> row = x.Slice(i * wide, wide);
            Apply(Query, row, q);
            Apply(Key, row, k);
            Apply(Value, row, v);
            Attend(q, k, v, ownAttention, ownContext);
            if (!attention.IsEmpty)
            {
                ownAttention.CopyTo(attention[(i * ownAttention.Length)..]);
            }

            if (!context.IsEmpty)
            {
                ownContext.CopyTo(context[(i * narrow)..]);
            }

            if (!y.IsEmpty)
            {
                Apply(Output, ownContext, y.Slice(i * wide, wide));
            }
        }
    }

    /// <summary>
    /// The softmax of the browser trainer: exp(v − max) over their sum, and equal shares if that sum is no positive number.
    /// </summary>
    public static void Softmax(ReadOnlySpan<double> row, Span<double> shares)
    {
        Check.Length("shares", shares.Length, 1, row.Length);
        double max = double.NegativeInfinity;
        foreach (double v in row)
        {
            max = Math.Max(max, v);
        }

        double sum = 0;
        for (int j = 0; j < row.Length; j++)
        {
            shares[j] = Exp.Of(row[j] - max);
            sum += shares[j];
        }

        for (int j = 0; j < row.Length; j++)
        {
            shares[j] = sum > 0 ? shares[j] / sum : 1.0 / row.Length;
        }
    }

    private void Attend(ReadOnlySpan<double> q, ReadOnlySpan<double> k, ReadOnlySpan<double> v, Span<double> attention,
        Span<double> context)
    {
        Span<double> scores = stackalloc double[SeqLen];
        for (int i = 0; i < SeqLen; i++)
        {
            for (int j = 0; j < SeqLen; j++)
            {
                double score = 0;
                for (int r = 0; r < DK; r++)
                {
                    score += q[i * DK + r] * k[j * DK + r];
                }

                scores[j] = score * _scale;
            }

            Span<double> shares = attention.Slice(i * SeqLen, SeqLen);
            Softmax(scores, shares);
            for (int r = 0; r < DK; r++)
            {
                double mix = 0;
                for (int j = 0; j < SeqLen; j++)
                {
                    mix += shares[j] * v[j * DK + r];
                }

                context[i * DK + r] = mix;
            }
        }
    }

    // The maps' own results may overflow (their parameters may be anything finite); that is passed on as it is.
    private static void Apply(SafeTree map, ReadOnlySpan<double> x, Span<double> y) =>
        map.Forward(x, 1, y, allowNonFinite: true, double.Epsilon);

    private static BrowserBlock Create(BrowserConfig config, int depth)
    {
        config.Check();
        var random = new Lcg32(config.Seed);
        int wide = config.SeqLen * config.DModel, narrow = config.SeqLen * config.DK;
        return new BrowserBlock(config.SeqLen, Draw(depth, wide, narrow, ref random), Draw(depth, wide, narrow, ref random),
            Draw(depth, wide, narrow, ref random), Draw(depth, narrow, wide, ref random));
    }

    private static SafeTree Draw(int depth, int inputs, int heads, ref Lcg32 random)
    {
        var map = new SafeTree(depth, inputs, heads);
        double[] parameters = new double[map.ParameterCount];
        int weights = inputs * heads, biases = depth == 0 ? 0 : heads; // the baseline draws its biases, too
        for (int i = 0; i < weights; i++)
        {
            parameters[i] = random.Signed() * (depth == 0 ? 0.05 : 0.1);
        }

        for (int i = weights + biases; i < parameters.Length; i++)
        {
            parameters[i] = random.Signed() * 0.05;
        }

        map.SetParameters(parameters);
        return map;
    }

    private void CheckMap(string name, SafeTree map, int inputs, int heads)
    {
        if (map.Depth != Depth || map.Inputs != inputs || map.Heads != heads)
        {
            throw new EmlException(ErrorCode.Shape,
                $"{name} has depth {map.Depth}, {map.Inputs} inputs and {map.Heads} heads; q asks for {Depth}, {inputs} and {heads}");
        }
    }

    private static void RequireRows(string what, Span<double> values, int rows, int columns)
    {
        if (!values.IsEmpty)
        {
            Check.Length(what, values.Length, rows, columns);
        }
    }
}
