using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Eml.Native;

/// <summary>Bytes outside the collector's heap, 64-byte aligned, with a NUL behind them.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private const int Alignment = 64;

    public NativeBuffer(ReadOnlySpan<byte> bytes)
    {
        Length = bytes.Length;
        Data = (byte*)NativeMemory.AlignedAlloc((nuint)bytes.Length + 1, Alignment);
        bytes.CopyTo(new Span<byte>(Data, Length));
        Data[Length] = 0;
    }

    public byte* Data { get; }

    public int Length { get; }

    /// <summary>Called when the handle is freed, which happens once.</summary>
    public void Dispose() => NativeMemory.AlignedFree(Data);
}

/// <summary>Buffers.</summary>
internal static unsafe class BufferExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_buffer_data", CallConvs = [typeof(CallConvCdecl)])]
    public static int Data(nint buffer, void** data, ulong* size) => Failure.Guard(() =>
    {
        Arguments.NotNull(data, "data");
        Arguments.NotNull(size, "size");
        NativeBuffer target = Handles.Get<NativeBuffer>(buffer, Kind.Buffer);
        *data = target.Data;
        *size = (ulong)target.Length;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_buffer_free", CallConvs = [typeof(CallConvCdecl)])]
    public static int Free(nint buffer) => Failure.Guard(() => Handles.Free(buffer, Kind.Buffer));
}
