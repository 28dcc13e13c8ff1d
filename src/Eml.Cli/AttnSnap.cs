using System.CommandLine;
using Eml.Functions;

namespace Eml.Cli;

/// <summary><c>eml attn snap</c>: turns an attention block's parameters into simple constants where its data allow it.</summary>
internal static class AttnSnap
{
    /// <summary>The verb.</summary>
    public static Command Create() => Snapping.Create("File of an attention block, of any format",
        "CSV file with a header, a sequence a row: seq_len·d_model inputs, then as many targets; - reads standard input",
        "Save the snapped block: .json, .safetensors or .pb", Open);

    private static Snapping.Subject Open(Snapping.Request request)
    {
        object content = Store.LoadAttention(request.Model, "snap");
        Store.CheckTarget(request.Out, Describe.Kind(content));
        if (content is EmlAttention own)
        {
            AttnTrain.Record(own, AttnData.Read(request.Data, own.Config), least: 1);
            return new Snapping.Subject(own, own.ParameterCount, own.Snap);
        }

        var block = (AttentionBlock)content;
        var shape = new AttentionConfig { DModel = block.DModel, DKey = block.DK, SeqLen = block.SeqLen };
        AttnTrain.Record(block, AttnData.Read(request.Data, shape), least: 1);
        return new Snapping.Subject(block, block.ParameterCount, block.Snap);
    }
}
