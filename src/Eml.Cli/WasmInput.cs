using System.Globalization;
using Eml.Formats;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>What a WebAssembly program reads, as bytes or as numbers: a file or standard input.</summary>
internal sealed class WasmInput : IDisposable
{
    private readonly string _name;
    private readonly Stream _stream;
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _count;
    private int _next;
    private long _before;
    private volatile bool _isWaiting;

    /// <summary>Opens the file; null is standard input.</summary>
    public WasmInput(string? path)
    {
        _name = path ?? "standard input";
        // A file is read at once, so that it is refused before the program runs.
        _stream = path is null or "-" ? Console.OpenStandardInput() : new MemoryStream(AtomicFile.Read(path, int.MaxValue));
    }

    /// <summary>Whether a read has not come back yet; any thread may ask.</summary>
    public bool IsWaiting => _isWaiting;

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    /// <summary>What is there of the next bytes, at least one; 0 at the end.</summary>
    public int Read(Span<byte> into)
    {
        if (_next == _count)
        {
            Fill();
        }
        int count = Math.Min(into.Length, _count - _next);
        _buffer.AsSpan(_next, count).CopyTo(into);
        _next += count;
        return count;
    }

    /// <summary>The next decimal number; -1 at the end.</summary>
    /// <exception cref="EmlException">Something else stands there.</exception>
    public uint Number()
    {
        int c = Byte();
        while (c is ' ' or '\t' or '\r' or '\n' or ',')
        {
            c = Byte();
        }
        long offset = _before + _next - 1;
        Span<char> word = stackalloc char[24];
        int length = 0;
        for (; c is not (< 0 or ' ' or '\t' or '\r' or '\n' or ',') && length < word.Length; c = Byte())
        {
            word[length++] = (char)c;
        }
        if (length == 0)
        {
            return uint.MaxValue;
        }
        bool isNumber = long.TryParse(word[..length], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value);
        return isNumber && value is >= int.MinValue and <= uint.MaxValue ? (uint)value
            : throw new EmlException(ErrorCode.Argument,
                $"{_name}: '{word[..length]}' at byte {offset} is no number that env.input can give; write decimal numbers from {int.MinValue} to {uint.MaxValue}");
    }

    private int Byte()
    {
        if (_next == _count)
        {
            Fill();
        }
        return _next < _count ? _buffer[_next++] : -1;
    }

    private void Fill()
    {
        _before += _count;
        _next = 0;
        _isWaiting = true;
        _count = _stream.Read(_buffer);
        _isWaiting = false;
    }
}
