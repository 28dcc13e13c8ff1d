using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;

namespace Eml.Tests.Machine.Wasm;

/// <summary>The specification's test files in tests/data/wasm/spec.tar.gz.</summary>
internal static class SpecFiles
{
    private static readonly Lazy<Dictionary<string, byte[]>> s_files = new(Read);

    /// <summary>Names as <c>br_table</c>, in order.</summary>
    public static IEnumerable<string> Names =>
        s_files.Value.Keys.Where(name => name.EndsWith(".json", StringComparison.Ordinal)).Select(name => name.Split('/')[0]).Order(StringComparer.Ordinal);

    /// <summary>The commands of a file.</summary>
    public static IEnumerable<JsonElement> Commands(string name) => JsonDocument.Parse(s_files.Value[$"{name}/{name}.json"]).RootElement.Array("commands");

    /// <summary>A module that a command names.</summary>
    public static byte[] Module(string name, string file) => s_files.Value[$"{name}/{file}"];

    private static Dictionary<string, byte[]> Read()
    {
        var files = new Dictionary<string, byte[]>();
        using FileStream archive = File.OpenRead(Path.Combine(Golden.Root, "tests", "data", "wasm", "spec.tar.gz"));
        using var unzipped = new GZipStream(archive, CompressionMode.Decompress);
        using var tar = new TarReader(unzipped);
        while (tar.GetNextEntry() is TarEntry entry)
        {
            if (entry.EntryType is TarEntryType.RegularFile)
            {
                using var bytes = new MemoryStream();
                entry.DataStream?.CopyTo(bytes);
                files[entry.Name] = bytes.ToArray();
            }
        }
        return files;
    }
}
