using System.CommandLine;
using System.Globalization;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>Samples for attention blocks: out of a CSV file, or of a task that can be generated.</summary>
/// <param name="X">(samples, seq_len·d_model)</param>
/// <param name="Targets">The same shape.</param>
/// <param name="Samples">How many.</param>
/// <param name="Source">Where they are from, for people.</param>
/// <param name="Notes">The task for an audit log; empty if there is none.</param>
internal sealed record AttnData(double[] X, double[] Targets, int Samples, string Source, IReadOnlyDictionary<string, string> Notes)
{
    /// <summary>Fresh samples that a block's error is measured on.</summary>
    public const int HeldOutSamples = 1000;

    /// <summary>Fewest samples that are trained on.</summary>
    public const int LeastSamples = 4;

    private const ulong SeedOffset = 0xA77E;
    private const string TaskNote = "task", SamplesNote = "samples", SeedNote = "data_seed";

    private static readonly (string Name, AttentionTask Task)[] s_tasks =
    [
        ("mean", AttentionTask.PositionMean),
        ("identity", AttentionTask.Identity),
        ("previous", AttentionTask.Previous),
        ("running-mean", AttentionTask.RunningMean),
        ("retrieval", AttentionTask.Retrieval),
        ("softmax-mean", AttentionTask.SoftmaxMean),
        ("energy", AttentionTask.Energy),
    ];

    private Lcg64 _random; // after the samples: what comes next was not trained on

    /// <summary>What a block computes: x → y for some samples.</summary>
    public delegate void Forward(ReadOnlySpan<double> x, int samples, Span<double> y);

    /// <summary>The task; null: the samples are out of a file.</summary>
    public AttentionTask? Task { get; private init; }

    /// <summary>The tasks' names.</summary>
    public static string[] TaskNames => [.. s_tasks.Select(t => t.Name)];

    /// <summary>What a block computes.</summary>
    public static Forward ForwardOf(AttentionBlock block) => (x, samples, y) => block.Forward(x, samples, y);

    /// <summary>--task</summary>
    public static Option<string?> TaskOption()
    {
        var option = new Option<string?>("--task") { HelpName = "NAME", Description = $"Generate the samples: {string.Join(", ", TaskNames)}" };
        option.AcceptOnlyFromAmong(TaskNames);
        return option;
    }

    /// <summary>--samples</summary>
    public static Option<int> SamplesOption()
    {
        Option<int> option = Arguments.Integer("--samples", LeastSamples, EmlAttention.SampleLimit, "Samples to generate for --task [default: 256]");
        option.DefaultValueFactory = _ => 256;
        return option;
    }

    /// <summary>--data-seed</summary>
    public static Option<ulong> SeedOption() => new("--data-seed")
    {
        HelpName = "N",
        Description = "Start of the random numbers that --task makes samples of [default: 0]",
        CustomParser = result => Arguments.Unsigned<ulong>(result, "--data-seed"),
    };

    /// <summary>Samples of a task.</summary>
    public static AttnData Generate(string name, AttentionConfig shape, int samples, ulong seed) =>
        Generate(s_tasks.Single(t => t.Name == name).Task, name, shape, samples, seed);

    /// <summary>Samples of the task that an audit log names; null if it names none.</summary>
    public static AttnData? FromNotes(IReadOnlyDictionary<string, string> notes, AttentionConfig shape)
    {
        if (!notes.TryGetValue(TaskNote, out string? name))
            return null;

        CultureInfo culture = CultureInfo.InvariantCulture;
        return TaskNames.Contains(name) && notes.TryGetValue(SamplesNote, out string? count) && notes.TryGetValue(SeedNote, out string? start) &&
            int.TryParse(count, NumberStyles.None, culture, out int samples) && samples is >= LeastSamples and <= EmlAttention.SampleLimit &&
            ulong.TryParse(start, NumberStyles.None, culture, out ulong seed)
            ? Generate(name, shape, samples, seed)
            : throw new EmlException(ErrorCode.Argument,
                $"the log names the task \"{name}\" in a way that is not known here; give --data or --task");
    }

    /// <summary>Samples out of a file: in every row seq_len·d_model inputs, then as many targets.</summary>
    public static AttnData Read(string path, AttentionConfig shape)
    {
        using CsvTable table = CsvTable.Open(path);
        int width = shape.SampleLength;
        if (table.Names.Length != 2 * width)
        {
            throw new EmlException(ErrorCode.Argument,
                $"{table.Source}: {Output.Count(table.Names.Length, "column")}; blocks of seq_len {shape.SeqLen} and d_model {shape.DModel} take " +
                $"{2 * width}: {width} inputs, row of the sequence after row, then as many targets");
        }

        (double[] x, double[] targets) = Read(table, width, isWithTargets: true);
        return new AttnData(x, targets, x.Length / width, table.Source, new Dictionary<string, string>());
    }

    /// <summary>Sequences out of a file for a model of so many inputs; their targets, if they have any.</summary>
    public static (double[] X, double[] Targets) Read(string path, int width, string model)
    {
        using CsvTable table = CsvTable.Open(path);
        bool isWithTargets = table.Names.Length == 2 * width;
        return isWithTargets || table.Names.Length == width
            ? Read(table, width, isWithTargets)
            : throw new EmlException(ErrorCode.Argument,
                $"{table.Source}: {Output.Count(table.Names.Length, "column")}; {model} takes {width} inputs, perhaps with as many targets " +
                "behind them");
    }

    /// <summary>The rows of a table: <paramref name="width"/> inputs, then, perhaps, as many targets.</summary>
    private static (double[] X, double[] Targets) Read(CsvTable table, int width, bool isWithTargets)
    {
        var samples = new Samples(table, [.. Enumerable.Range(0, isWithTargets ? 2 * width : width)], []);
        if (!isWithTargets)
            return ([.. samples.Inputs], []);

        double[] x = new double[samples.Rows * width], targets = new double[x.Length];
        for (int n = 0; n < samples.Rows; n++)
        {
            samples.Inputs.Slice(2 * n * width, width).CopyTo(x.AsSpan(n * width));
            samples.Inputs.Slice((2 * n + 1) * width, width).CopyTo(targets.AsSpan(n * width));
        }

        return (x, targets);
    }

    /// <summary>The mean squared error, per number, over fresh samples of the task, and that of answering 0.</summary>
    public (double Error, double Zero) HeldOut(AttentionConfig shape, Forward forward)
    {
        Lcg64 random = _random;
        double[] x = new double[shape.SampleLength], target = new double[x.Length], y = new double[x.Length];
        double error = 0, zero = 0;
        for (int n = 0; n < HeldOutSamples; n++)
        {
            AttentionTasks.Sample(Task!.Value, shape, ref random, x, target);
            forward(x, 1, y);
            for (int i = 0; i < y.Length; i++)
            {
                error += (y[i] - target[i]) * (y[i] - target[i]);
                zero += target[i] * target[i];
            }
        }

        double count = (double)HeldOutSamples * x.Length;
        return (error / count, zero / count);
    }

    private static AttnData Generate(AttentionTask task, string name, AttentionConfig shape, int samples, ulong seed)
    {
        int width = shape.SampleLength;
        var random = new Lcg64(unchecked(SeedOffset + seed));
        double[] x = new double[samples * width], targets = new double[x.Length];
        for (int n = 0; n < samples; n++)
            AttentionTasks.Sample(task, shape, ref random, x.AsSpan(n * width, width), targets.AsSpan(n * width, width));

        CultureInfo culture = CultureInfo.InvariantCulture;
        var notes = new Dictionary<string, string>
        {
            [TaskNote] = name,
            [SamplesNote] = samples.ToString(culture),
            [SeedNote] = seed.ToString(culture),
        };
        return new AttnData(x, targets, samples, $"task {name}, data seed {seed}", notes) { Task = task, _random = random };
    }
}
