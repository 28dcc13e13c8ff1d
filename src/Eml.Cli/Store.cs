using System.Runtime.InteropServices;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>Models in files.</summary>
internal static class Store
{
    /// <summary>A file's bytes.</summary>
    public static byte[] ReadBytes(string path) => AtomicFile.Read(path, Array.MaxLength);

    /// <summary>
    /// What is in a file of any format, which its bytes tell: an <see cref="EmlModel"/>, a <see cref="SafeTree"/>, an
    /// <see cref="AttentionBlock"/>, an <see cref="EmlAttention"/> or a <see cref="BrowserExport"/>, which is a SafeTree with some facts about its training.
    /// </summary>
    public static object Load(string path) => Parse(path, ReadBytes(path), out _);

    /// <summary>The same for bytes in memory; <paramref name="path"/> is for messages.</summary>
    public static object Parse(string path, ReadOnlySpan<byte> bytes, out FileFormat format)
    {
        try
        {
            format = ModelFile.Detect(bytes);
            return format == FileFormat.Browser ? BrowserExport.Read(bytes) : ModelFile.Read(bytes, format);
        }
        catch (EmlException e)
        {
            throw Named(path, e);
        }
    }

    /// <summary>The SafeTree, if it is one, with or without the browser's facts.</summary>
    public static SafeTree? Tree(object content) => content as SafeTree ?? (content as BrowserExport)?.Tree;

    /// <summary>The <see cref="EmlModel"/> in a file.</summary>
    public static EmlModel LoadModel(string path)
    {
        object content = Load(path);
        return content as EmlModel
            ?? throw new EmlException(ErrorCode.Unsupported, $"{path}: a {Describe.Kind(content)}; this verb needs an EmlModel");
    }

    /// <summary>
    /// The <see cref="AttentionBlock"/> or <see cref="EmlAttention"/> in a file; other models are for that verb of <c>eml fn</c>.
    /// </summary>
    public static object LoadAttention(string path, string verb)
    {
        object content = Load(path);
        return content is AttentionBlock or EmlAttention
            ? content
            : throw new EmlException(ErrorCode.Unsupported,
                $"{path}: holds no attention block (its kind is {Describe.Kind(content)}); eml fn {verb} is for other models");
    }

    /// <summary>
    /// Fails before any work is done if <paramref name="path"/> cannot become a model's file: an unknown extension, or a
    /// folder that does not exist.
    /// </summary>
    public static void CheckTarget(string path, string kind = "EmlModel")
    {
        if (ModelFile.FromPath(path) == FileFormat.Browser)
        {
            string article = char.ToLowerInvariant(kind[0]) is 'a' or 'e' ? "an" : "a";
            throw new EmlException(ErrorCode.Unsupported,
                $"{path}: the browser format holds a SafeTree and cannot carry {article} {kind}; use .json, .safetensors or .pb");
        }

        CheckFolder(path);
    }

    /// <summary>Fails if the folder that <paramref name="path"/> is to be written to does not exist.</summary>
    public static void CheckFolder(string path)
    {
        if (Directory.Exists(path))
            throw new EmlException(ErrorCode.Io, $"{path}: a folder; give the name of a file");
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
            throw new EmlException(ErrorCode.Io, $"{path}: the folder {folder} does not exist; create it first");
    }

    /// <summary>
    /// Writes a model in the format that the extension names. The answer lists what that format could not carry: it is
    /// found by reading the bytes back before they reach the disk.
    /// </summary>
    public static string[] Save(object content, string path)
    {
        FileFormat format = ModelFile.FromPath(path);
        byte[] bytes = content switch
        {
            EmlModel model => ModelFile.Write(model, format),
            AttentionBlock block => ModelFile.Write(block, format),
            EmlAttention block => ModelFile.Write(block, format),
            BrowserExport export when format == FileFormat.Browser => export.Write(),
            _ => ModelFile.Write(Tree(content)!, format),
        };
        string[] lost = [.. Lost(content, Parse(path, bytes, out _))];
        AtomicFile.Write(path, bytes);
        return lost;
    }

    /// <summary>Warns of what <see cref="Save"/> found lost.</summary>
    public static void WarnOfLoss(string path, string[] lost)
    {
        if (lost.Length > 0)
            Output.Warn($"{path}: this format cannot carry the {string.Join(", ", lost)}");
    }

    /// <summary>The same failure with the file's name in front, unless it is there already.</summary>
    public static EmlException Named(string path, EmlException e)
    {
        if (e.Message.Contains($"{path}:", StringComparison.Ordinal))
            return e;

        string message = $"{path}: {e.Message}";
        return e.Code == ErrorCode.Format ? new EmlException((FormatError)e.SubCode, e.ByteOffset, message)
            : e.ByteOffset != EmlException.NoOffset ? new EmlException(e.Code, e.ByteOffset, message)
            : new EmlException(e.Code, message, e.SubCode);
    }

    private static IEnumerable<string> Lost(object from, object to)
    {
        if (from is AttentionBlock block)
        {
            // Every format for blocks carries all of one.
            if (to is not AttentionBlock same || !SameBits(block.Parameters, same.Parameters))
                throw Broken();
            yield break;
        }

        if (from is EmlAttention attention)
        {
            if (to is not EmlAttention same || !SameBits(attention.Parameters, same.Parameters))
                throw Broken();
            yield break;
        }

        if (from is not EmlModel model)
        {
            if (Tree(to) is not { } tree || !SameBits(Tree(from)!.Parameters, tree.Parameters))
                throw Broken();
            if (from is BrowserExport && to is not BrowserExport)
                yield return "browser's name, trained flag, MSE and timestamp";
            yield break;
        }

        if (to is not EmlModel back || !SameBits(model.Parameters, back.Parameters))
            throw Broken();

        if (back.Profile != model.Profile)
            yield return "profile";
        if (back.Trained != model.Trained)
            yield return "trained flag";
        if (back.Name != model.Name)
            yield return "name";
        if (!model.Metadata.SequenceEqual(back.Metadata))
            yield return "metadata";
        if (!SameScaling(model.Scaling, back.Scaling))
            yield return "scaling";
    }

    private static bool SameScaling(Scaling? a, Scaling? b) => a is null || b is null
        ? a is null && b is null
        : SameBits(a.InputOffset, b.InputOffset) && SameBits(a.InputFactor, b.InputFactor) &&
          SameBits(a.TargetOffset, b.TargetOffset) && SameBits(a.TargetFactor, b.TargetFactor);

    private static bool SameBits(ReadOnlySpan<double> a, ReadOnlySpan<double> b) =>
        MemoryMarshal.AsBytes(a).SequenceEqual(MemoryMarshal.AsBytes(b));

    private static EmlException Broken() => new(ErrorCode.Internal,
        "the bytes made for the file do not read back as the same parameters; nothing was written; please report this");
}
