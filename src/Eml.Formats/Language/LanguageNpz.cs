using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>A language model as NumPy's archive of arrays, one a tensor.</summary>
/// <remarks>
/// Read: members NAME.npy of float32 or float16, stored or deflated, in C's or Fortran's order. Written: float32, stored; BF16 becomes that
/// exactly, I8 as scale times number. Three arrays of bytes (uint8) may be there besides the tensors, and are written: config
/// (<see cref="LanguageConfigJson"/>), tokenizer (a tokenizer.json) and training (JSON). Without config the architecture is recognised.
/// </remarks>
public static class LanguageNpz
{
    private const string What = "npz language model";
    private const string Suffix = ".npy";

    /// <summary>True if the bytes begin as a zip file does.</summary>
    internal static bool Recognises(ReadOnlySpan<byte> file) => file.StartsWith("PK\x03\x04"u8);

    internal static void Write(LanguageCheckpoint checkpoint, Stream to)
    {
        var archive = new ZipArchiveWriter(to);
        AddText(LanguageSafetensors.ConfigField, LanguageConfigJson.Write(checkpoint.Weights.Config));
        if (checkpoint.Tokenizer is { } tokenizer)
        {
            AddText(LanguageSafetensors.TokenizerField, TokenizerJson.Write(tokenizer));
        }
        if (checkpoint.Training is { } training)
        {
            AddText(LanguageSafetensors.TrainingField, System.Text.Encoding.UTF8.GetBytes(training));
        }
        foreach (LanguageTensor tensor in checkpoint.Weights.Tensors)
        {
            archive.Add(tensor.Name + Suffix, NpyArray.Write(NpyArray.Float, tensor.Shape, LanguageQuantizer.Convert(tensor, WeightType.F32).Data.Span));
        }
        archive.Finish();

        void AddText(string name, byte[] text) => archive.Add(name + Suffix, NpyArray.Write(NpyArray.Bytes, [text.Length], text));
    }

    internal static LanguageCheckpoint Read(LanguageBytes file, ReadOnlyMemory<byte>? given)
    {
        var tensors = new List<LanguageTensor>();
        var texts = new Dictionary<string, (byte[] Text, ulong Offset)>(StringComparer.Ordinal);
        foreach (ZipMember member in ZipArchiveReader.Read(file))
        {
            string name = member.Name.EndsWith(Suffix, StringComparison.Ordinal) ? member.Name[..^Suffix.Length]
                : throw new EmlException(FormatError.Kind, member.Offset, $"{What}: the member {StrictJson.Quoted(member.Name)} at byte {member.Offset} is no {Suffix} file");
            NpyArray array = NpyArray.Read(member);
            bool isText = name is LanguageSafetensors.ConfigField or LanguageSafetensors.TokenizerField or LanguageSafetensors.TrainingField;
            if (isText != (array.Type == NpyArray.Bytes))
            {
                throw new EmlException(FormatError.BadDtype, member.Offset,
                    $"{What}: the array {StrictJson.Quoted(name)} at byte {member.Offset} is of {array.Type}; config, tokenizer and training are {NpyArray.Bytes}, tensors {NpyArray.Float} or {NpyArray.Half}");
            }
            if (isText)
            {
                texts.Add(name, (array.Data.ToArray(), member.Offset));
            }
            else
            {
                tensors.Add(new LanguageTensor(name, WeightType.F32, array.Shape, array.ToFloats()));
            }
        }
        LanguageConfig? config = texts.TryGetValue(LanguageSafetensors.ConfigField, out (byte[] Text, ulong Offset) own)
            ? UntrustedLanguage.Inner(own.Offset, What, LanguageSafetensors.ConfigField, () => LanguageConfigJson.Read(own.Text)) : null;
        LanguageWeights weights = UntrustedLanguage.Weights(tensors, 0, What, config, given);
        return UntrustedLanguage.Checkpoint(weights, texts.GetValueOrDefault(LanguageSafetensors.TokenizerField).Text,
            texts.GetValueOrDefault(LanguageSafetensors.TrainingField).Text, 0, What);
    }
}
