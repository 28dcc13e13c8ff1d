using Eml.Numerics;

namespace Eml.Tests.Formats;

/// <summary>Asserts about refusals.</summary>
internal static class Refused
{
    /// <summary>The work must end with this failure at this byte.</summary>
    public static EmlException As(FormatError error, ulong offset, Action work)
    {
        EmlException e = As(error, work);
        Assert.Equal(offset, e.ByteOffset);
        return e;
    }

    /// <summary>The work must end with this failure.</summary>
    public static EmlException As(FormatError error, Action work)
    {
        EmlException e = As(ErrorCode.Format, work);
        Assert.True((int)error == e.SubCode, $"expected {error}, got {(FormatError)e.SubCode}: {e.Message}");
        return e;
    }

    /// <summary>The work must end with this failure.</summary>
    public static EmlException As(ErrorCode code, Action work)
    {
        var e = Assert.Throws<EmlException>(work);
        Assert.True(code == e.Code, $"expected {code}, got {e.Code}: {e.Message}");
        Assert.NotEqual("", e.Message);
        return e;
    }
}
