using System.Text;
using Eml.Machine.Universal;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>WASI preview 1 for the machine behind a handle, with the streams that C gives.</summary>
internal sealed unsafe class WasmWasi
{
    private readonly delegate* unmanaged[Cdecl]<WasmTransferStruct*, void*, int> _read;
    private readonly delegate* unmanaged[Cdecl]<WasmTransferStruct*, void*, int> _write;
    private readonly void* _user;
    private readonly byte[] _input;
    private readonly MemoryStream[] _kept = [new(), new()]; // standard output, standard error
    private int _next;

    public WasmWasi(in WasmWasiStruct given)
    {
        if (given.FixedClock is not (0 or 1))
        {
            throw new EmlException(ErrorCode.Argument, $"wasi.fixed_clock is {given.FixedClock}; use 0 or 1");
        }

        if (given.Read is not null && given.InputSize > 0)
        {
            throw new EmlException(ErrorCode.Argument, "wasi.input and wasi.read are both given; standard input can have one of them");
        }

        _read = given.Read;
        _write = given.Write;
        _user = given.User;
        _input = Arguments.Array((byte*)given.Input, given.InputSize, "wasi.input").ToArray();
        ulong nanoseconds = given.ClockNanoseconds;
        Host = new WasiHost
        {
            Input = Read,
            Output = bytes => Write(1, bytes),
            Error = bytes => Write(2, bytes),
            Clock = given.FixedClock == 1 ? () => nanoseconds : Now,
            Seed = given.Seed,
            Arguments = Texts(given.Args, given.ArgCount, "wasi.args"),
            Environment = Texts(given.Environment, given.EnvironmentCount, "wasi.env"),
        };
    }

    public WasiHost Host { get; }

    /// <summary>What the program has put out so far and no callback took: 1 standard output, 2 standard error.</summary>
    public ReadOnlySpan<byte> Kept(int stream) => stream is 1 or 2
        ? _kept[stream - 1].GetBuffer().AsSpan(0, (int)_kept[stream - 1].Length)
        : throw new EmlException(ErrorCode.Argument, $"stream is {stream}; use 1 for standard output or 2 for standard error");

    /// <summary>Ticks since the year 1 are hundreds of nanoseconds; WASI counts from 1970.</summary>
    private static ulong Now() => (ulong)(DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;

    private static byte[][] Texts(WasmTextStruct* texts, ulong count, string what)
    {
        Span<WasmTextStruct> given = Arguments.Array(texts, count, what);
        byte[][] all = new byte[given.Length][];
        for (int i = 0; i < all.Length; i++)
        {
            string text = Arguments.Text(given[i].Text, given[i].Length, $"{what}[{i}]");
            all[i] = !text.Contains('\0') ? Encoding.UTF8.GetBytes(text) : throw new EmlException(ErrorCode.Argument,
                $"{what}[{i}] holds a NUL, where the program would see its end; give a text without");
        }

        return all;
    }

    private int Read(Span<byte> into)
    {
        if (_read is null)
        {
            int count = Math.Min(into.Length, _input.Length - _next);
            _input.AsSpan(_next, count).CopyTo(into);
            _next += count;
            return count;
        }

        ulong given = Call(_read, 0, into);
        return given <= (ulong)into.Length ? (int)given
            : throw new EmlException(ErrorCode.Argument, $"wasi.read gave {given} bytes; there was room for {into.Length}");
    }

    private void Write(int stream, ReadOnlySpan<byte> bytes)
    {
        if (_write is not null)
        {
            Call(_write, stream, bytes);
            return;
        }

        MemoryStream kept = _kept[stream - 1];
        if (kept.Length + bytes.Length > Array.MaxLength)
        {
            throw new EmlException(ErrorCode.Limit, $"the program's output is over {Array.MaxLength} bytes; take it by wasi.write");
        }

        kept.Write(bytes);
    }

    private ulong Call(delegate* unmanaged[Cdecl]<WasmTransferStruct*, void*, int> function, int stream, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* first = bytes)
        {
            var transfer = new WasmTransferStruct
            {
                StructSize = (uint)sizeof(WasmTransferStruct),
                Stream = stream,
                Bytes = first,
                Size = (ulong)bytes.Length,
            };
            int value = function(&transfer, _user);
            return value == 0 ? transfer.Given : throw new WasmHostStop(value);
        }
    }
}
