using Eml.Functions;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// The JSON text of an <see cref="EmlModel"/>. Profile eml-core-0.1: byte for byte what eml-core 0.1.0 writes, and all
/// that it reads; a scaling or metadata, which the crate does not have, follow as further keys that it ignores. Profile
/// default: an object of its own kind, with a version, that eml-core refuses and that this reader takes as it was written
/// or not at all.
/// </summary>
internal static class ModelJson
{
    private const string What = "EmlModel JSON";
    private const string OwnKind = "eml-model";
    private const ulong OwnVersion = 1;

    public static byte[] Write(EmlModel model)
    {
        var json = new JsonText();
        if (model.Profile == Profile.EmlCore01)
        {
            json.Raw("{"u8);
            WriteCore(json, model);
            // A name alone is not written: eml-core does not store it, and the text must stay the crate's.
            if (model.Scaling is not null || model.Metadata.Count > 0)
                WriteExtras(json, model);
        }
        else
        {
            Finite.Require(model.Parameters);
            json.Raw("{\"kind\":"u8).String(OwnKind).Raw(",\"version\":"u8).Unsigned(OwnVersion);
            json.Raw(",\"profile\":"u8).String(ProfileName.Of(model.Profile)).Raw(","u8);
            WriteCore(json, model);
            WriteExtras(json, model);
        }

        return json.Raw("}"u8).ToArray();
    }

    /// <summary>An EmlModel of either profile.</summary>
    public static EmlModel Read(JsonValue root)
    {
        if (root.IsArray)
            return ReadSequence(root);

        JsonMembers members = root.Members("the model");
        if (IsOwnKind(members))
            return ReadOwnKind(members);

        ModelKinds.Require(members, ModelKind.Model, "depth", "input_count", "head_count", "params", "trained");
        return ReadMembers(members, Profile.EmlCore01);
    }

    /// <summary>True for the kind that libeml writes for profile default.</summary>
    public static bool IsOwnKind(JsonMembers members) =>
        members.TryGet("kind", out JsonValue kind) && kind.IsString && kind.Text("kind") == OwnKind;

    /// <summary>serde reads a struct from an array of its fields in order, too.</summary>
    public const int SequenceLength = 5;

    private static void WriteCore(JsonText json, EmlModel model)
    {
        json.Raw("\"depth\":"u8).Unsigned((ulong)model.Depth);
        json.Raw(",\"input_count\":"u8).Unsigned((ulong)model.Inputs);
        json.Raw(",\"head_count\":"u8).Unsigned((ulong)model.Heads);
        json.Raw(",\"params\":"u8).Serde(model.Parameters);
        json.Raw(",\"trained\":"u8).Boolean(model.Trained);
    }

    private static void WriteExtras(JsonText json, EmlModel model)
    {
        if (model.Name.Length > 0)
            json.Raw(",\"name\":"u8).String(model.Name);

        if (model.Scaling is { } scaling)
        {
            json.Raw(",\"scaling\":{\"input_offset\":"u8).Serde(scaling.InputOffset);
            json.Raw(",\"input_factor\":"u8).Serde(scaling.InputFactor);
            json.Raw(",\"target_offset\":"u8).Serde(scaling.TargetOffset);
            json.Raw(",\"target_factor\":"u8).Serde(scaling.TargetFactor).Raw("}"u8);
        }

        if (model.Metadata.Count > 0)
        {
            ReadOnlySpan<byte> before = ",\"metadata\":{"u8;
            foreach ((string key, string value) in model.Metadata)
            {
                json.Raw(before).String(key).Raw(":"u8).String(value);
                before = ","u8;
            }

            json.Raw("}"u8);
        }
    }

    private static EmlModel ReadOwnKind(JsonMembers members)
    {
        // The version comes first: in a later one, unknown fields are to be expected.
        JsonValue version = members["version"];
        ulong number = version.Unsigned("version");
        if (number != OwnVersion)
        {
            throw new EmlException(ErrorCode.Version,
                $"{What}: version {number} at byte {version.Offset}; this library knows version {OwnVersion}; use a newer libeml");
        }

        members.RefuseOthers("kind", "version", "profile", "depth", "input_count", "head_count", "params", "trained", "name",
            "scaling", "metadata");
        JsonValue profile = members["profile"];
        return ReadMembers(members, ProfileName.Parse(profile.Text("profile"), profile.Offset));
    }

    private static EmlModel ReadSequence(JsonValue root)
    {
        JsonItems items = root.Items();
        ulong depth = Element(ref items, root, "depth").Unsigned("depth");
        ulong inputs = Element(ref items, root, "input_count").Unsigned("input_count");
        ulong heads = Element(ref items, root, "head_count").Unsigned("head_count");
        JsonValue parameters = Element(ref items, root, "params");
        int count = Untrusted.ModelParameters(depth, inputs, heads, Profile.EmlCore01, root.Offset);
        double[] values = parameters.Doubles("params", (long)count);
        bool trained = Element(ref items, root, "trained").Boolean("trained");
        if (items.Next())
        {
            throw new EmlException(FormatError.UnknownField, items.Value.Offset,
                $"{What}: the array has a sixth element at byte {items.Value.Offset}; it must have {SequenceLength}: " +
                "depth, input_count, head_count, params, trained");
        }

        EmlModel model = Untrusted.Model(depth, inputs, heads, Profile.EmlCore01, values, root.Offset);
        model.Trained = trained;
        return model;
    }

    private static JsonValue Element(ref JsonItems items, JsonValue root, string name) => items.Next()
        ? items.Value
        : throw new EmlException(FormatError.MissingField, root.Offset,
            $"{What}: the array at byte {root.Offset} ends before {name}; it must hold depth, input_count, head_count, params, trained");

    private static EmlModel ReadMembers(JsonMembers members, Profile profile)
    {
        ulong depth = members["depth"].Unsigned("depth");
        ulong inputs = members["input_count"].Unsigned("input_count");
        ulong heads = members["head_count"].Unsigned("head_count");
        bool trained = members["trained"].Boolean("trained");
        int count = Untrusted.ModelParameters(depth, inputs, heads, profile, members["depth"].Offset);
        double[] parameters = members["params"].Doubles("params", (long)count);

        EmlModel model = Untrusted.Model(depth, inputs, heads, profile, parameters, members.Offset);
        model.Trained = trained;
        ReadExtras(members, model);
        return model;
    }

    private static void ReadExtras(JsonMembers members, EmlModel model)
    {
        if (members.TryGet("name", out JsonValue name))
            model.Name = name.Text("name");

        if (members.TryGet("scaling", out JsonValue scaling))
        {
            JsonMembers arrays = scaling.Members("scaling", FormatError.Value);
            arrays.RefuseOthers("input_offset", "input_factor", "target_offset", "target_factor");
            model.Scaling = Untrusted.Scaling(
                arrays["input_offset"].Doubles("input_offset", (long)model.Inputs),
                arrays["input_factor"].Doubles("input_factor", (long)model.Inputs),
                arrays["target_offset"].Doubles("target_offset", (long)model.Heads),
                arrays["target_factor"].Doubles("target_factor", (long)model.Heads), scaling.Offset);
        }

        if (members.TryGet("metadata", out JsonValue metadata))
        {
            if (!metadata.IsObject)
                throw metadata.Wrong(FormatError.BadMetadata, "metadata", "an object of strings");
            for (JsonItems items = metadata.Items(); items.Next();)
                Untrusted.AddMetadata(model, items.Key, items.Value.Text($"metadata {StrictJson.Quoted(items.Key)}", FormatError.BadMetadata));
        }
    }

}
