namespace Eml.Numerics;

/// <summary>What failed. The values are those of <c>EML_E_…</c> in <c>include/eml.h</c>: fixed, append-only.</summary>
public enum ErrorCode
{
    /// <summary>A value outside its range.</summary>
    Argument = -1,
    /// <summary>A stale or foreign handle.</summary>
    Handle = -2,
    /// <summary>The object is at work elsewhere.</summary>
    Busy = -3,
    /// <summary>An array's length does not fit the object.</summary>
    Shape = -4,
    /// <summary>NaN or an infinity where a finite number is needed.</summary>
    NonFinite = -5,
    /// <summary>The caller's buffer is too small.</summary>
    Buffer = -6,
    /// <summary>The object is not in a state that allows this.</summary>
    State = -7,
    /// <summary>Bytes that are not what they should be; see <see cref="FormatError"/>.</summary>
    Format = -8,
    /// <summary>The operating system refused a file operation.</summary>
    Io = -9,
    /// <summary>Larger than a documented limit.</summary>
    Limit = -10,
    /// <summary>Not enough memory.</summary>
    Memory = -11,
    /// <summary>A version that this library does not know.</summary>
    Version = -12,
    /// <summary>Valid, but not offered.</summary>
    Unsupported = -13,
    /// <summary>A defect in the library.</summary>
    Internal = -99,
}

/// <summary>What is wrong with bytes. The values are those of <c>EML_F_…</c> in <c>include/eml.h</c>.</summary>
public enum FormatError
{
    /// <summary>Nothing in particular.</summary>
    None = 0,
    /// <summary>The data ends too early.</summary>
    Truncated = 1,
    /// <summary>A safetensors header over 100,000,000 bytes.</summary>
    HeaderTooLarge = 2,
    /// <summary>Not strict JSON.</summary>
    Json = 3,
    /// <summary>A key that stands twice.</summary>
    DuplicateKey = 4,
    /// <summary>Metadata that is not a map of strings.</summary>
    BadMetadata = 5,
    /// <summary>A field that must be there is not.</summary>
    MissingField = 6,
    /// <summary>A field that no version knows.</summary>
    UnknownField = 7,
    /// <summary>An unknown element type.</summary>
    BadDtype = 8,
    /// <summary>Not a whole number in range.</summary>
    BadNumber = 9,
    /// <summary>Ranges that overlap, leave holes or run backwards.</summary>
    BadOffset = 10,
    /// <summary>Shape and byte count contradict each other.</summary>
    SizeMismatch = 11,
    /// <summary>A product or sum past 2^64.</summary>
    Overflow = 12,
    /// <summary>Elements below a byte that do not fill whole bytes.</summary>
    SubByte = 13,
    /// <summary>Bytes that belong to no tensor, or a tensor past the end.</summary>
    Coverage = 14,
    /// <summary>Rank over 64 or a NUL in a name.</summary>
    Limit = 15,
    /// <summary>Not a protobuf message of the expected type.</summary>
    Protobuf = 16,
    /// <summary>A well-formed file of another kind of object.</summary>
    Kind = 17,
    /// <summary>A field that contradicts another or its range.</summary>
    Value = 18,
    /// <summary>The format could not be recognised.</summary>
    Unknown = 19,
}

/// <summary>A failure that a caller can act on: its message names what, where, the limit and the remedy.</summary>
public sealed class EmlException : Exception
{
    /// <summary>Byte offset of failures that have no place in an input.</summary>
    public const ulong NoOffset = ulong.MaxValue;

    /// <summary>Any failure but bad bytes.</summary>
    public EmlException(ErrorCode code, string message, int subCode = 0) : base(message)
    {
        Code = code;
        SubCode = subCode;
        ByteOffset = NoOffset;
    }

    /// <summary>Bad bytes at <paramref name="byteOffset"/>.</summary>
    public EmlException(FormatError error, ulong byteOffset, string message) : base(message)
    {
        Code = ErrorCode.Format;
        SubCode = (int)error;
        ByteOffset = byteOffset;
    }

    /// <summary>Bytes at <paramref name="byteOffset"/> that are not what they should be for another reason than their form.</summary>
    public EmlException(ErrorCode code, ulong byteOffset, string message) : base(message)
    {
        Code = code;
        ByteOffset = byteOffset;
    }

    /// <summary>What failed.</summary>
    public ErrorCode Code { get; }

    /// <summary>A <see cref="FormatError"/>, an errno, a callback's value, or 0.</summary>
    public int SubCode { get; }

    /// <summary>Where in the input, or <see cref="NoOffset"/>.</summary>
    public ulong ByteOffset { get; }
}
