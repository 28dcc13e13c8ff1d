namespace Eml.Formats;

/// <summary>The file formats; the values are those of <c>EML_FORMAT_…</c> in <c>include/eml.h</c>.</summary>
public enum FileFormat
{
    /// <summary>Reading: from the bytes.</summary>
    Auto = 0,
    /// <summary>eml-core's JSON, compact, as serde_json 1.0.149 prints it.</summary>
    Json = 1,
    /// <summary>The browser trainer's export; holds a SafeTree.</summary>
    Browser = 2,
    /// <summary>Safetensors.</summary>
    Safetensors = 3,
    /// <summary>eml.v1.Model or eml.v1.SafeTree, see proto/eml/v1/model.proto.</summary>
    Protobuf = 4,
}
