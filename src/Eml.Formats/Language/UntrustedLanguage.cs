using System.Text;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>Makes a checkpoint of what a file says: what does not fit together is refused as bad bytes at a place in the file.</summary>
internal static class UntrustedLanguage
{
    /// <summary>The model; without a config the architecture is recognised from the tensors.</summary>
    /// <param name="tensors">All tensors of the file.</param>
    /// <param name="offset">Where the file describes them.</param>
    /// <param name="what">The format, for messages.</param>
    /// <param name="own">The file's config, or null.</param>
    /// <param name="given">A config from elsewhere, which counts only if the file has none; what it leaves out is recognised.</param>
    public static LanguageWeights Weights(IReadOnlyList<LanguageTensor> tensors, ulong offset, string what, LanguageConfig? own, ReadOnlyMemory<byte>? given)
    {
        LanguageConfig? recognised = own is not null ? null : InFile(offset, what,
            () => LanguageConfig.Recognize(ByName(tensors)));
        LanguageConfig config = own ?? (given is { } text ? LanguageConfigJson.Read(text.Span, recognised) : recognised!);
        return InFile(offset, what, () => LanguageWeights.Create(config, tensors));
    }

    /// <summary>Something made of what the file says: what is refused as argument or shape is a bad file.</summary>
    public static T InFile<T>(ulong offset, string what, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (EmlException e) when (e.Code is ErrorCode.Argument or ErrorCode.Shape)
        {
            throw new EmlException(FormatError.Value, offset, $"{what}: what byte {offset} begins does not fit together: {e.Message}");
        }
        catch (EmlException e) when (e.Code is ErrorCode.NonFinite)
        {
            throw new EmlException(ErrorCode.NonFinite, offset, $"{what}: {e.Message}");
        }
    }

    /// <summary>A JSON text that stands inside the file in another encoding: places inside it are told in the message, the offset is that of
    /// the whole.</summary>
    public static T Inner<T>(ulong offset, string what, string part, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (EmlException e) when (e.Code is ErrorCode.Format or ErrorCode.Argument)
        {
            var error = e.Code == ErrorCode.Format ? (FormatError)e.SubCode : FormatError.Value;
            throw new EmlException(error, offset, $"{what}: in the {part} that byte {offset} begins: {e.Message}");
        }
    }

    /// <summary>The checkpoint of texts inside a file.</summary>
    /// <param name="weights">The model.</param>
    /// <param name="tokenizer">A tokenizer.json, or null.</param>
    /// <param name="training">JSON, or null.</param>
    /// <param name="offset">Where both stand.</param>
    /// <param name="what">The format, for messages.</param>
    public static LanguageCheckpoint Checkpoint(LanguageWeights weights, byte[]? tokenizer, byte[]? training, ulong offset, string what)
    {
        Tokenizer? read = tokenizer is null ? null : Inner(offset, what, "tokenizer", () => TokenizerJson.Read(StrictJson.Parse(tokenizer, "tokenizer")));
        if (training is not null)
        {
            Inner(offset, what, "training metadata", () => StrictJson.Parse(training, "training metadata").Offset);
        }
        return Checked(new LanguageCheckpoint(weights, read, training is null ? null : Encoding.UTF8.GetString(training)), offset, what);
    }

    /// <summary>The checkpoint, if its parts fit together.</summary>
    public static LanguageCheckpoint Checked(LanguageCheckpoint checkpoint, ulong offset, string what) => InFile(offset, what, () =>
    {
        checkpoint.Check();
        return checkpoint;
    });

    /// <summary>Sizes of a file as sizes of a tensor. One beyond int is no model's and does not fit the config.</summary>
    public static int[] Shape(IEnumerable<ulong> sizes) => [.. sizes.Select(size => (int)Math.Min(size, int.MaxValue))];

    private static Dictionary<string, int[]> ByName(IReadOnlyList<LanguageTensor> tensors)
    {
        var shapes = new Dictionary<string, int[]>(StringComparer.Ordinal);
        foreach (LanguageTensor tensor in tensors)
        {
            shapes[tensor.Name] = tensor.Shape; // one that is there twice is refused with the weights
        }
        return shapes;
    }
}
