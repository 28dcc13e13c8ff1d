using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>How a file holds documents.</summary>
internal enum CorpusFormat
{
    /// <summary>Text in UTF-8, <see cref="TextCutter"/>.</summary>
    Text,
    /// <summary>A JSON object a line, with the document in the field "text".</summary>
    JsonLines,
    /// <summary>The same, compressed by gzip.</summary>
    GzippedJsonLines,
}

/// <summary>A file of documents.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Name">What it is called: its name, or from the folder on that was given.</param>
/// <param name="Format">How it holds them.</param>
/// <param name="Size">Its bytes.</param>
internal sealed record CorpusSource(string Path, string Name, CorpusFormat Format, long Size)
{
    private static readonly (string Extension, CorpusFormat Format)[] s_extensions =
        [(".txt", CorpusFormat.Text), (".jsonl", CorpusFormat.JsonLines), (".jsonl.gz", CorpusFormat.GzippedJsonLines)];

    /// <summary>The files of these names, in their order; those in folders and the folders therein sorted by name, and only such as can be read here.</summary>
    public static List<CorpusSource> Find(IReadOnlyList<string> paths)
    {
        var found = new List<CorpusSource>();
        foreach (string path in paths)
        {
            int before = found.Count;
            AtomicFile.Guard(path, "read", () =>
            {
                if (Directory.Exists(path))
                {
                    AddFolder(found, path, "");
                }
                else
                {
                    Add(found, path, System.IO.Path.GetFileName(path), FormatOf(path) ?? throw Unknown(path));
                }
                return true;
            });
            if (found.Count == before)
            {
                throw new EmlException(ErrorCode.Argument, $"{path}: the folder has no .txt, .jsonl or .jsonl.gz; give one that has");
            }
        }
        return found;
    }

    private static void AddFolder(List<CorpusSource> found, string path, string name)
    {
        foreach (FileSystemInfo entry in new DirectoryInfo(path).EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            string inside = System.IO.Path.Join(path, entry.Name), called = name + entry.Name;
            if (Directory.Exists(inside))
            {
                // Not through links: they may lead round in a circle.
                if (entry.LinkTarget is null)
                {
                    AddFolder(found, inside, called + "/");
                }
            }
            else if (FormatOf(inside) is { } format)
            {
                Add(found, inside, called, format);
            }
        }
    }

    private static void Add(List<CorpusSource> found, string path, string name, CorpusFormat format) =>
        found.Add(new CorpusSource(path, name, format, new FileInfo(path).Length));

    private static CorpusFormat? FormatOf(string path)
    {
        if (path.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase))
        {
            throw new EmlException(ErrorCode.Unsupported,
                $"{path}: Parquet is not read here; make .jsonl of its column \"text\" first: python3 -c \"{TokenDataBuilder.ParquetConverter}\" {path} > {System.IO.Path.ChangeExtension(path, ".jsonl")} (needs pyarrow)");
        }
        foreach ((string extension, CorpusFormat format) in s_extensions)
        {
            if (path.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
            {
                return format;
            }
        }
        return null;
    }

    private static EmlException Unknown(string path) => new(ErrorCode.Argument,
        $"{path}: the extension names no format of texts; known are {string.Join(", ", s_extensions.Select(entry => entry.Extension))}, and folders of them");
}
