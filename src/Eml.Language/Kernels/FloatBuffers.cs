using System.Runtime.InteropServices;

namespace Eml.Language.Kernels;

/// <summary>Memory for floats that kernels read: each buffer begins where a vector does, and a vector may be read past its end.</summary>
internal sealed unsafe class FloatBuffers : IDisposable
{
    private readonly List<nint> _buffers = [];

    ~FloatBuffers() => Free();

    /// <summary>Bytes of all buffers.</summary>
    public long Bytes { get; private set; }

    /// <summary>A buffer of <paramref name="count"/> floats, whatever they are.</summary>
    public float* Take(long count)
    {
        long bytes = (count + Lanes.Width) * sizeof(float);
        nint buffer = (nint)NativeMemory.AlignedAlloc((nuint)bytes, 64);
        _buffers.Add(buffer);
        Bytes += bytes;
        return (float*)buffer;
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        foreach (nint buffer in _buffers)
        {
            NativeMemory.AlignedFree((void*)buffer);
        }
        _buffers.Clear();
    }
}
