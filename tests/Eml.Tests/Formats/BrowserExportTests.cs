using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Eml.Formats;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Tests.Formats;

public class BrowserExportTests
{
    private const string Small = """
        {
          "model_name": "eml_\"q\"",
          "depth": 1,
          "inputs": 2,
          "heads": 2,
          "level0_weight": [
            [
              0.5,
              -1
            ],
            [
              1e-7,
              0.000001
            ]
          ],
          "level0_bias": [
            0,
            1e+21
          ],
          "tree_params": [
            [
              1,
              2,
              3
            ],
            [
              4,
              5,
              6
            ]
          ],
          "trained": true,
          "mse": 0.25,
          "timestamp": 1750000000.123
        }
        """;

    [Fact]
    public void An_export_is_read_and_written_byte_for_byte()
    {
        BrowserExport export = BrowserExport.Read(Encoding.UTF8.GetBytes(Small));
        Assert.Equal(("eml_\"q\"", true, 0.25, 1750000000.123), (export.ModelName, export.Trained, export.Mse, export.Timestamp));
        Assert.Equal((1, 2, 2), (export.Tree.Depth, export.Tree.Inputs, export.Tree.Heads));
        Assert.Equal([0.5, -1, 1e-7, 1e-6, 0, 1e21, 1, 2, 3, 4, 5, 6], export.Tree.Parameters.ToArray());
        Assert.Equal(Small, Encoding.UTF8.GetString(export.Write()));
    }

    [Fact]
    public void Recorded_downloads_are_reproduced()
    {
        int count = 0;
        foreach (JsonElement run in Golden.EmlCore("browser_export.json").Array("runs"))
        {
            foreach (JsonElement bundle in run.Array("modes").Where(mode => mode.TryGetProperty("bundle", out _))
                .Select(mode => mode.At("bundle")).Prepend(run.At("init_bundle")))
            {
                foreach (JsonElement file in bundle.EnumerateObject().Select(member => member.Value).Where(f => f.ValueKind == JsonValueKind.Object))
                {
                    AssertDownload(file);
                    count++;
                }
            }
        }

        Assert.True(count > 0);
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(2, 3, 0)]
    [InlineData(0, 0, 2)]
    [InlineData(0, 2, 1)]
    [InlineData(3, 0, 1)]
    public void Empty_rows_are_written_as_JSON_stringify_writes_them(int depth, int inputs, int heads)
    {
        var tree = new SafeTree(depth, inputs, heads);
        byte[] bytes = ModelFile.Write(tree, FileFormat.Browser);
        Models.AssertSame(tree, ModelFile.Read(bytes, FileFormat.Auto));
        string text = Encoding.UTF8.GetString(bytes);
        Assert.Contains("\"model_name\": \"eml\"", text, StringComparison.Ordinal);
        Assert.EndsWith("\"trained\": false,\n  \"mse\": null,\n  \"timestamp\": 0\n}", text, StringComparison.Ordinal);
        if (heads == 0)
            Assert.Contains("\"level0_weight\": [],\n  \"level0_bias\": [],\n  \"tree_params\": [],\n", text, StringComparison.Ordinal);
        if ((depth, inputs, heads) == (0, 0, 2))
            Assert.Contains("\"level0_weight\": [\n    [],\n    []\n  ],\n  \"level0_bias\": [\n    0,\n    0\n  ],\n", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"depth\": 1", "\"depth\": 2", FormatError.Value)]
    [InlineData("\"inputs\": 2", "\"inputs\": 3", FormatError.Value)]
    [InlineData("\"heads\": 2", "\"heads\": 1", FormatError.Value)]
    [InlineData("\"heads\": 2", "\"heads\": 3", FormatError.Value)]
    [InlineData("\"heads\": 2", "\"heads\": 1000000", FormatError.Value)]
    [InlineData("\"trained\": true", "\"trained\": 1", FormatError.Value)]
    [InlineData("\"timestamp\": 1750000000.123", "\"timestamp\": null", FormatError.BadNumber)]
    [InlineData("\"mse\": 0.25", "\"mse\": \"0.25\"", FormatError.BadNumber)]
    [InlineData("  \"mse\": 0.25,", "", FormatError.MissingField)]
    [InlineData("\"mse\": 0.25", "\"mse\": 0.25, \"more\": 0", FormatError.UnknownField)]
    [InlineData("\"model_name\": \"eml_\\\"q\\\"\"", "\"model_name\": 1", FormatError.Value)]
    [InlineData("1e+21", "1e+210000", FormatError.BadNumber)]
    public void A_damaged_export_is_refused(string part, string instead, FormatError error)
    {
        Assert.Contains(part, Small, StringComparison.Ordinal);
        byte[] bytes = Encoding.UTF8.GetBytes(Small.Replace(part, instead, StringComparison.Ordinal));
        Refused.As(error, () => BrowserExport.Read(bytes));
    }

    [Fact]
    public void The_kinds_are_told_apart()
    {
        byte[] export = Encoding.UTF8.GetBytes(Small);
        Assert.Equal(FileFormat.Browser, ModelFile.Detect(export));
        Assert.Equal(12, ModelFile.ReadSafeTree(export, FileFormat.Auto).ParameterCount);
        Refused.As(FormatError.Kind, () => ModelFile.ReadSafeTree(export, FileFormat.Json));
        Refused.As(FormatError.Kind, () => ModelFile.ReadModel(export, FileFormat.Json));
        Refused.As(FormatError.Kind, () => ModelFile.ReadModel(export, FileFormat.Auto));
        byte[] tree = ModelFile.Write(new SafeTree(1, 1, 1), FileFormat.Json);
        Refused.As(FormatError.Kind, () => BrowserExport.Read(tree));
        Refused.As(ErrorCode.Unsupported, () => ModelFile.Write(new EmlModel(2, 1, 1, Profile.Default), FileFormat.Browser));
    }

    private static void AssertDownload(JsonElement file)
    {
        byte[] export = Encoding.UTF8.GetBytes(file.At("export").GetRawText());
        byte[] written = BrowserExport.Read(export).Write();
        Assert.Equal(file.Int("download_len"), written.Length);
        Assert.Equal(file.At("download_sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(written)));
        if (file.TryGetProperty("download_text", out JsonElement text))
        {
            Assert.Equal(text.GetString(), Encoding.UTF8.GetString(written));
            Assert.Equal(written, BrowserExport.Read(written).Write());
        }
    }
}
