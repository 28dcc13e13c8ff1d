using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>EmlTree, which owns no parameters and therefore needs no handle.</summary>
internal static unsafe class TreeExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_tree_param_count", CallConvs = [typeof(CallConvCdecl)])]
    public static int ParamCount(uint depth, ulong inputs, ulong* result) => Failure.Guard(() =>
    {
        Arguments.NotNull(result, "out");
        *result = (ulong)Create(depth, inputs).ParameterCount;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_tree_evaluate", CallConvs = [typeof(CallConvCdecl)])]
    public static int Evaluate(uint depth, ulong inputs, double* parameters, ulong paramCount, double* x, ulong rows,
        double* y, uint flags) => Failure.Guard(() =>
    {
        EmlTree tree = Create(depth, inputs);
        tree.Evaluate(Arguments.Array(parameters, paramCount, "params"), Arguments.Matrix(x, rows, inputs, "x"),
            Arguments.Count(rows, "rows"), Arguments.Array(y, rows, "y"), Arguments.AllowNonFinite(flags));
    });

    internal static EmlTree Create(uint depth, ulong inputs) =>
        new((int)Math.Min(depth, int.MaxValue), Arguments.Count(inputs, "inputs"));
}

/// <summary>SafeTree.</summary>
internal static unsafe class SafeTreeExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_safetree_create", CallConvs = [typeof(CallConvCdecl)])]
    public static int Create(uint depth, ulong inputs, ulong heads, nint* result) => Out.Handle(result, Kind.SafeTree,
        () => new SafeTree((int)Math.Min(depth, int.MaxValue), Arguments.Count(inputs, "inputs"), Arguments.Count(heads, "heads")));

    [UnmanagedCallersOnly(EntryPoint = "eml_safetree_free", CallConvs = [typeof(CallConvCdecl)])]
    public static int Free(nint tree) => Failure.Guard(() => Handles.Free(tree, Kind.SafeTree));

    [UnmanagedCallersOnly(EntryPoint = "eml_safetree_clone", CallConvs = [typeof(CallConvCdecl)])]
    public static int Clone(nint tree, nint* result) => Out.Handle(result, Kind.SafeTree, () =>
    {
        using SharedUse<SafeTree> use = Read(tree);
        return use.Target.Clone();
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_safetree_get_info", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetInfo(nint tree, SafeTreeInfoStruct* result) => Failure.Guard(() =>
    {
        using SharedUse<SafeTree> use = Read(tree);
        SafeTree t = use.Target;
        Versioned.Write(result, new SafeTreeInfoStruct
        {
            Depth = (uint)t.Depth,
            Inputs = (ulong)t.Inputs,
            Heads = (ulong)t.Heads,
            ParamCount = (ulong)t.ParameterCount,
        }, "out");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_safetree_get_params", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetParams(nint tree, double* values, ulong n) => Failure.Guard(() =>
    {
        using SharedUse<SafeTree> use = Read(tree);
        Parameters.CopyOut(use.Target.Parameters, values, n);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_safetree_set_params", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetParams(nint tree, double* values, ulong n, uint flags) => Failure.Guard(() =>
    {
        using var use = new Use<SafeTree>(tree, Kind.SafeTree);
        use.Target.SetParameters(Parameters.In(values, n, use.Target.ParameterCount), Arguments.AllowNonFinite(flags));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_safetree_forward", CallConvs = [typeof(CallConvCdecl)])]
    public static int Forward(nint tree, double* x, ulong rows, double* y, uint flags)
    {
        // The most frequent call: no closure, and no count of readers, because parameters are replaced, never changed.
        try
        {
            var target = Unsafe.As<SafeTree>(Handles.Peek(tree, Kind.SafeTree));
            target.Forward(Arguments.Matrix(x, rows, (ulong)target.Inputs, "x"), Arguments.Count(rows, "rows"),
                Arguments.Matrix(y, rows, (ulong)target.Heads, "y"), Arguments.AllowNonFinite(flags));
            return Failure.Ok;
        }
        catch (Exception e)
        {
            return Failure.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "eml_safetree_export", CallConvs = [typeof(CallConvCdecl)])]
    public static int Export(nint tree, int format, void* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<SafeTree> use = Read(tree);
        Arguments.Out(ModelFile.Write(use.Target, Files.Format(format)), buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_safetree_import", CallConvs = [typeof(CallConvCdecl)])]
    public static int Import(void* bytes, ulong len, int format, nint* result) => Out.Handle(result, Kind.SafeTree,
        () => ModelFile.ReadSafeTree(Arguments.Array((byte*)bytes, len, "bytes"), Files.Format(format)));

    [UnmanagedCallersOnly(EntryPoint = "eml_safetree_save", CallConvs = [typeof(CallConvCdecl)])]
    public static int Save(nint tree, byte* path, ulong pathLen, int format) => Failure.Guard(() =>
    {
        using SharedUse<SafeTree> use = Read(tree);
        string file = Arguments.Path(path, pathLen);
        AtomicFile.Write(file, ModelFile.Write(use.Target, Files.FormatToWrite(format, file)));
        Log.Write(Log.Info, $"saved {file}");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_safetree_load", CallConvs = [typeof(CallConvCdecl)])]
    public static int Load(byte* path, ulong pathLen, int format, nint* result) => Out.Handle(result, Kind.SafeTree, () =>
    {
        string file = Arguments.Path(path, pathLen);
        SafeTree tree = ModelFile.ReadSafeTree(Files.Read(file), Files.Format(format));
        Log.Write(Log.Info, $"loaded {file}");
        return tree;
    });

    private static SharedUse<SafeTree> Read(nint tree) => new(tree, Kind.SafeTree);
}

/// <summary>Parameters from and to the caller's array.</summary>
internal static unsafe class Parameters
{
    /// <summary>The caller's parameters; their number is checked before they are looked at.</summary>
    public static ReadOnlySpan<double> In(double* values, ulong n, int expected) => n == (ulong)expected
        ? Arguments.Array(values, n, "params")
        : throw new EmlException(ErrorCode.Shape, $"expected {expected} params, got {n}");

    public static void CopyOut(ReadOnlySpan<double> parameters, double* values, ulong n)
    {
        if (n != (ulong)parameters.Length)
        {
            throw new EmlException(ErrorCode.Shape, $"out: expected {parameters.Length} params, got room for {n}");
        }

        parameters.CopyTo(Arguments.Array(values, n, "out"));
    }
}
