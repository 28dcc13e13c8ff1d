namespace Eml.Formats.Language;

/// <summary>The formats of language models; those that other models have, too, have the same value in <see cref="FileFormat"/>.</summary>
public enum LanguageFormat
{
    /// <summary>The project's JSON checkpoint; see <see cref="LanguageJson"/>.</summary>
    Json = 1,
    /// <summary>Safetensors; see <see cref="LanguageSafetensors"/>.</summary>
    Safetensors = 3,
    /// <summary>A header eml.v1.LanguageModelHeader and the tensors; see proto/eml/v1/language.proto.</summary>
    Protobuf = 4,
    /// <summary>NumPy's archive of arrays; see <see cref="LanguageNpz"/>.</summary>
    Npz = 5,
}
