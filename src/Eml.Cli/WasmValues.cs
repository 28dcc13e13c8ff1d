using System.Globalization;
using System.Numerics;
using Eml.Machine.Wasm;
using Eml.Numerics;
using ModuleExport = Eml.Machine.Wasm.WasmExport;

namespace Eml.Cli;

/// <summary>Arguments and results of WebAssembly functions as text.</summary>
internal static class WasmValues
{
    /// <summary>The type of an exported function.</summary>
    public static WasmSignature TypeOf(WasmModule module, string function)
    {
        ModuleExport? export = Find(module, function);
        return export is not null ? module.Types[module.FunctionTypes[export.Index]] : throw new EmlException(ErrorCode.Argument,
            $"the module exports no function '{function}'; {Exports(module)}");
    }

    /// <summary>An exported function, or null.</summary>
    public static ModuleExport? Find(WasmModule module, string function) =>
        Array.Find(module.Exports, export => export.Kind == WasmKind.Function && export.Name == function);

    /// <summary>Says what functions there are.</summary>
    public static string Exports(WasmModule module)
    {
        string[] names = [.. module.Exports.Where(export => export.Kind == WasmKind.Function).Select(export => export.Name)];
        return names.Length == 0 ? "it exports no functions" : $"it exports {Output.List(names)}";
    }

    /// <summary>Bits of the arguments, decimal or hexadecimal.</summary>
    public static ulong[] Parse(string function, WasmSignature type, string[] texts)
    {
        if (texts.Length != type.Parameters.Length)
        {
            throw new EmlException(ErrorCode.Argument,
                $"{function} has the type {type}: it takes {Output.Count(type.Parameters.Length, "argument")}, and {texts.Length} {(texts.Length == 1 ? "is" : "are")} given");
        }
        return [.. texts.Select((text, i) => Parse(function, i, type.Parameters[i], text))];
    }

    /// <summary>A value as a signed number.</summary>
    public static string Signed(WasmType type, ulong bits) =>
        (type == WasmType.I32 ? (int)bits : (long)bits).ToString(CultureInfo.InvariantCulture);

    private static ulong Parse(string function, int i, WasmType type, string text)
    {
        string digits = text.TrimStart('-');
        bool isHex = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        NumberStyles style = isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None;
        // A leading 0 keeps hexadecimal digits from being read as negative.
        bool isNumber = BigInteger.TryParse(isHex ? $"0{digits[2..]}" : digits, style, CultureInfo.InvariantCulture, out BigInteger value)
            && text.Length - digits.Length <= 1 && digits.Length > (isHex ? 2 : 0) && digits.Length < 100;
        value = text.StartsWith('-') ? -value : value;
        (BigInteger least, BigInteger most) = type == WasmType.I32 ? (int.MinValue, uint.MaxValue) : ((BigInteger)long.MinValue, (BigInteger)ulong.MaxValue);
        if (!isNumber || value < least || value > most)
        {
            throw new EmlException(ErrorCode.Argument,
                $"argument {i + 1} of {function}, {text}: must be an {(type == WasmType.I32 ? "i32" : "i64")}, decimal or hexadecimal, from {least} to {most}");
        }
        return value.Sign < 0 ? (ulong)(long)value : (ulong)value;
    }
}
