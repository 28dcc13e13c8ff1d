using System.Runtime.InteropServices;
using Eml.Language.Kernels;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>A tensor that is trained: its place in the buffers.</summary>
/// <param name="Name">As in checkpoints.</param>
/// <param name="Shape">Rows and columns, or a count.</param>
/// <param name="Start">Its first number.</param>
/// <param name="Count">How many it has.</param>
internal sealed record TrainableTensor(string Name, int[] Shape, long Start, long Count)
{
    public int Rows => Shape[0];

    public int Columns => Shape.Length == 2 ? Shape[1] : 1;
}

/// <summary>All weights of a model in binary32, with their gradients and the two moments of AdamW, side by side in four buffers.</summary>
internal sealed unsafe class TrainableTensors : IDisposable
{
    private readonly Dictionary<string, TrainableTensor> _byName = new(StringComparer.Ordinal);
    private readonly FloatBuffers _memory = new();

    public TrainableTensors(LanguageConfig config)
    {
        Config = config;
        long start = 0;
        foreach ((string name, int[] shape) in config.Tensors())
        {
            long count = shape.Aggregate(1L, (size, n) => size * n);
            _byName[name] = new TrainableTensor(name, shape, start, count);
            // Each begins where a vector does.
            start += (count + 15) / 16 * 16;
        }
        Length = start;
        Values = _memory.Take(4 * start);
        NativeMemory.Clear(Values, (nuint)(4 * start * sizeof(float)));
        Gradients = Values + start;
        Means = Gradients + start;
        Squares = Means + start;
        All = [.. config.Tensors().Select(tensor => _byName[tensor.Name])];
    }

    public LanguageConfig Config { get; }

    public IReadOnlyList<TrainableTensor> All { get; }

    /// <summary>Numbers of a buffer.</summary>
    public long Length { get; }

    public float* Values { get; }

    public float* Gradients { get; }

    /// <summary>First moments.</summary>
    public float* Means { get; }

    /// <summary>Second moments.</summary>
    public float* Squares { get; }

    public TrainableTensor this[string name] => _byName[name];

    public float* Value(string name) => Values + _byName[name].Start;

    public float* Gradient(string name) => Gradients + _byName[name].Start;

    /// <summary>Takes the values of a model, which must be stored as F32.</summary>
    public void Load(LanguageWeights weights)
    {
        foreach (LanguageTensor tensor in weights.Tensors)
        {
            if (tensor.Type != WeightType.F32)
            {
                throw new EmlException(ErrorCode.Unsupported, $"training: tensor '{tensor.Name}' is stored as {tensor.Type}; convert the model to F32 first");
            }
            MemoryMarshal.Cast<byte, float>(tensor.Data.Span).CopyTo(Span(Values, _byName[tensor.Name]));
        }
    }

    /// <summary>The model as it is now.</summary>
    public LanguageWeights Copy() => LanguageWeights.Create(Config, All.Select(tensor =>
        new LanguageTensor(tensor.Name, WeightType.F32, tensor.Shape, MemoryMarshal.AsBytes(Span(Values, tensor)).ToArray())));

    /// <summary>A tensor's numbers in a buffer.</summary>
    public static Span<float> Span(float* buffer, TrainableTensor tensor) => new(buffer + tensor.Start, checked((int)tensor.Count));

    public void Dispose() => _memory.Dispose();
}
