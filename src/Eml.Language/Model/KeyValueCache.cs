using System.Runtime.InteropServices;

namespace Eml.Language;

/// <summary>Keys and values of the tokens that a sequence can still see: per layer a ring as long as its window and what is added at a
/// time.</summary>
internal sealed unsafe class KeyValueCache : IDisposable
{
    private readonly nint[] _layers;
    private readonly int[] _capacities;
    private readonly int _headWidth;
    private readonly int _heads;

    /// <param name="config">The model's shape.</param>
    /// <param name="chunk">Tokens that are added at a time.</param>
    public KeyValueCache(LanguageConfig config, int chunk)
    {
        _headWidth = config.HeadWidth;
        _heads = config.KeyValueHeads;
        _capacities = [.. Enumerable.Range(0, config.Layers).Select(layer => config.Window(layer) + chunk - 1)];
        _layers = new nint[config.Layers];
        for (int i = 0; i < _layers.Length; i++)
        {
            // Zeroed memory is taken from the system only where it is written.
            _layers[i] = (nint)NativeMemory.AllocZeroed((nuint)LayerFloats(i), sizeof(float));
        }
    }

    ~KeyValueCache() => Free();

    /// <summary>Bytes when full.</summary>
    public long Bytes => Enumerable.Range(0, _layers.Length).Sum(i => 4L * LayerFloats(i));

    /// <summary>Tokens that a layer's ring holds.</summary>
    public int Capacity(int layer) => _capacities[layer];

    /// <summary>Keys of a head: (capacity, head_dim), position p in row p mod capacity.</summary>
    public float* Keys(int layer, int head) => (float*)_layers[layer] + ((long)head * _capacities[layer] * _headWidth);

    /// <summary>Values of a head, likewise.</summary>
    public float* Values(int layer, int head) => Keys(layer, _heads + head);

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        for (int i = 0; i < _layers.Length; i++)
        {
            NativeMemory.Free((void*)_layers[i]);
            _layers[i] = 0;
        }
    }

    private long LayerFloats(int layer) => 2L * _heads * _capacities[layer] * _headWidth;
}
