using Eml.Formats;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Format numbers and file sizes as the ABI has them.</summary>
internal static class Files
{
    /// <summary>A model of the most parameters there may be, as JSON text.</summary>
    private const long SizeLimit = 1L << 32;

    /// <summary>EML_FORMAT_TIKTOKEN.</summary>
    public const int Tiktoken = 6;

    public static FileFormat Format(int format) => format is >= (int)FileFormat.Auto and <= (int)FileFormat.Protobuf
        ? (FileFormat)format
        : throw new EmlException(ErrorCode.Argument, $"format {format} is unknown; use EML_FORMAT_AUTO (0) to EML_FORMAT_PROTOBUF (4)");

    public static FileFormat FormatToWrite(int format, string path) =>
        Format(format) is var known && known == FileFormat.Auto ? ModelFile.FromPath(path) : known;

    public static byte[] Read(string path) => AtomicFile.Read(path, SizeLimit);
}
