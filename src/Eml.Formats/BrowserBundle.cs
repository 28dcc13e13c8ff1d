using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// What the browser trainer's page downloads of a trained block: one <see cref="BrowserExport"/> each of its maps q, k, v
/// and out, in files PREFIX_q.json and so on.
/// </summary>
public sealed class BrowserBundle
{
    /// <summary>The page's own prefix.</summary>
    public const string DefaultPrefix = "eml_attention_toy";

    private const long FileLimit = 16 << 20; // the largest map is 12 times smaller
    private static readonly string[] s_maps = ["q", "k", "v", "out"];

    private readonly BrowserExport[] _exports;

    private BrowserBundle(BrowserExport[] exports) => _exports = exports;

    /// <summary>The exports of a block, at a time in seconds since 1970.</summary>
    public static BrowserBundle Of(BrowserBlock block, double timestamp, string prefix = DefaultPrefix)
    {
        var exports = new BrowserExport[s_maps.Length];
        for (int m = 0; m < exports.Length; m++)
        {
            bool isOutput = m == exports.Length - 1;
            exports[m] = new BrowserExport(block.Maps[m].Clone())
            {
                ModelName = $"{prefix}_{s_maps[m]}",
                Trained = isOutput && block.OutputTrained,
                Mse = isOutput ? block.OutputLoss : double.PositiveInfinity,
                Timestamp = timestamp,
            };
        }

        return new BrowserBundle(exports);
    }

    /// <summary>Reads the four files, which must be there.</summary>
    public static BrowserBundle Load(string folder, string prefix = DefaultPrefix)
    {
        var exports = new BrowserExport[s_maps.Length];
        for (int m = 0; m < exports.Length; m++)
        {
            string path = Path.Join(folder, $"{prefix}_{s_maps[m]}.json");
            byte[] text = AtomicFile.Read(path, FileLimit);
            try
            {
                exports[m] = BrowserExport.Read(text);
            }
            catch (EmlException e) when (e.Code == ErrorCode.Format)
            {
                throw new EmlException((FormatError)e.SubCode, e.ByteOffset, $"{path}: {e.Message}");
            }
            catch (EmlException e)
            {
                throw new EmlException(e.Code, $"{path}: {e.Message}", e.SubCode);
            }
        }

        return new BrowserBundle(exports);
    }

    /// <summary>q, k, v, out.</summary>
    public IReadOnlyList<BrowserExport> Exports => _exports;

    /// <summary>
    /// The files, by name: as the page downloads them (<see cref="FileFormat.Browser"/>, NAME.json), or as files that hold
    /// the trees alone: NAME.safetree.json, which is eml-core's own JSON, NAME.safetensors or NAME.pb.
    /// </summary>
    public IEnumerable<(string Name, byte[] Bytes)> Files(FileFormat format) => _exports.Select(export =>
    {
        string extension = format switch
        {
            FileFormat.Json => ".safetree.json",
            FileFormat.Safetensors => ".safetensors",
            FileFormat.Protobuf => ".pb",
            _ => ".json",
        };
        return (export.ModelName + extension, format == FileFormat.Browser ? export.Write() : ModelFile.Write(export.Tree, format));
    });

    /// <summary>Writes the four files into a folder, which must exist; the answer is their paths.</summary>
    public string[] Save(string folder, FileFormat format = FileFormat.Browser)
    {
        var paths = new List<string>();
        foreach ((string name, byte[] bytes) in Files(format).ToArray())
        {
            paths.Add(Path.Join(folder, name));
            AtomicFile.Write(paths[^1], bytes);
        }

        return [.. paths];
    }

    /// <summary>
    /// The block that was exported. The files do not say how many positions it has; maps that do not fit each other or
    /// that number are refused.
    /// </summary>
    public BrowserBlock ToBlock(int seqLen)
    {
        SafeTree[] maps = [.. _exports.Select(export => export.Tree.Clone())];
        return new BrowserBlock(seqLen, maps[0], maps[1], maps[2], maps[3])
        {
            OutputLoss = _exports[^1].Mse,
        };
    }
}
