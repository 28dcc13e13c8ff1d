using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Eml.Functions;

/// <summary>Doubles that begin at a cache line, so that no vector of them lies across two.</summary>
internal sealed class AlignedDoubles
{
    private const int CacheLine = 64;

    private readonly double[] _array;
    private readonly int _first;

    public unsafe AlignedDoubles(int length)
    {
        _array = GC.AllocateArray<double>(length + CacheLine / sizeof(double) - 1, pinned: true);
        nuint over = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_array)) % CacheLine;
        _first = over == 0 ? 0 : (int)(CacheLine - over) / sizeof(double);
        Length = length;
    }

    public int Length { get; }

    public ref double this[int index] => ref _array[_first + index];

    public Span<double> Slice(int start, int length) => _array.AsSpan(_first + start, length);
}
