using System.Runtime.CompilerServices;
using System.Text;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>C arguments as spans and strings, with the checks that every function owes its caller.</summary>
internal static unsafe class Arguments
{
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>rows·columns values; NULL only if that is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Span<T> Matrix<T>(T* values, ulong rows, ulong columns, string what) where T : unmanaged
    {
        if (Math.BigMul(rows, columns, out ulong count) != 0 || count > int.MaxValue || (values is null && count > 0))
        {
            throw NoMatrix(rows, columns, what);
        }

        return new Span<T>(values, (int)count);
    }

    public static Span<T> Array<T>(T* values, ulong count, string what) where T : unmanaged => Matrix(values, count, 1, what);

    private static EmlException NoMatrix(ulong rows, ulong columns, string what) =>
        Math.BigMul(rows, columns, out ulong count) != 0 || count > int.MaxValue
            ? new EmlException(ErrorCode.Limit, $"{what}: {rows} × {columns} values; a call takes at most 2^31 - 1, split it")
            : Null(what);

    /// <summary>A count that fits our own sizes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Count(ulong value, string what) => value <= int.MaxValue ? (int)value : throw TooMany(value, what);

    private static EmlException TooMany(ulong value, string what) =>
        new(ErrorCode.Limit, $"{what}: {value} is over the limit of 2^31 - 1");

    public static void NotNull(void* pointer, string what)
    {
        if (pointer is null)
        {
            throw Null(what);
        }
    }

    /// <summary>Only the flags that exist.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllowNonFinite(uint flags) => (flags & ~1u) == 0 ? flags != 0 : throw UnknownFlags(flags);

    private static EmlException UnknownFlags(uint flags) =>
        new(ErrorCode.Argument, $"flags 0x{flags:x}: only EML_ALLOW_NONFINITE (1) is known");

    /// <summary>The bytes of a text of len bytes, or up to its NUL if len is EML_NTS. Whether they are UTF-8 is not looked at.</summary>
    public static ReadOnlySpan<byte> Utf8(byte* text, ulong len, string what)
    {
        if (text is null && len is 0)
        {
            return default;
        }

        NotNull(text, what);
        if (len == ulong.MaxValue)
        {
            len = 0;
            while (text[len] != 0)
            {
                len++;
            }
        }

        return new ReadOnlySpan<byte>(text, Count(len, what));
    }

    /// <summary>UTF-8 text of len bytes, or up to its NUL if len is EML_NTS.</summary>
    public static string Text(byte* text, ulong len, string what)
    {
        try
        {
            return s_strictUtf8.GetString(Utf8(text, len, what));
        }
        catch (DecoderFallbackException e)
        {
            throw new EmlException(ErrorCode.Argument, $"{what}: byte {Math.Max(0, e.Index)} is not UTF-8; give UTF-8 text");
        }
    }

    /// <summary>A path: not empty, without NUL.</summary>
    public static string Path(byte* path, ulong len)
    {
        string text = Text(path, len, "path");
        return text.Length > 0 && !text.Contains('\0')
            ? text
            : throw new EmlException(ErrorCode.Argument, "path is empty or holds a NUL; give a file name");
    }

    /// <summary>The two-call form for bytes.</summary>
    public static void Out(ReadOnlySpan<byte> bytes, void* buf, ulong cap, ulong* need)
    {
        NotNull(need, "need");
        *need = (ulong)bytes.Length;
        if (cap < *need)
        {
            throw new EmlException(ErrorCode.Buffer, $"the buffer has {cap} bytes but {*need} are needed; call again with that many");
        }

        if (bytes.Length > 0)
        {
            NotNull(buf, "buf");
            bytes.CopyTo(new Span<byte>(buf, bytes.Length));
        }
    }

    /// <summary>The two-call form for tokens: cap and need count them.</summary>
    public static void OutTokens(ReadOnlySpan<int> from, int* tokens, ulong cap, ulong* need)
    {
        NotNull(need, "need");
        *need = (ulong)from.Length;
        if (cap < *need)
        {
            throw new EmlException(ErrorCode.Buffer, $"there is room for {cap} tokens but {*need} are needed; call again with that many");
        }

        from.CopyTo(Array(tokens, *need, "tokens"));
    }

    /// <summary>The texts of an array.</summary>
    public static string[] Texts(TextStruct* texts, ulong count, string what)
    {
        Span<TextStruct> given = Array(texts, count, what);
        string[] result = new string[given.Length];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = Text(given[i].Text, given[i].Length, $"{what}[{i}]");
        }

        return result;
    }

    /// <summary>The two-call form for text: need counts a closing NUL.</summary>
    public static void OutText(string text, byte* buf, ulong cap, ulong* need) => Out(Failure.Pin(text), buf, cap, need);

    public static EmlException Null(string what) => new(ErrorCode.Argument, $"{what} is NULL; pass an address");
}
